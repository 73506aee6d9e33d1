"""The compiler is killed at any moment: each of its files is the old one or the new one, whole.
RUN: rm -rf %t && mkdir %t && %python %s %t
"""

import glob
import json
import os
import random
import subprocess
import sys
import time

folder = sys.argv[1]
random.seed(1)


def start(doc):
    interface = os.path.join(folder, "interface.json")
    with open(interface, "w", encoding="utf-8") as file:
        json.dump([{"name": "One", "prefix": "one", "doc": doc, "entries": []}], file)
    return subprocess.Popen(["emit-driver", interface, "/dev/null", "-o", os.path.join(folder, "one.so")])


def content():
    return [open(os.path.join(folder, name), "rb").read() for name in ("one.so", "one.h")]


versions, took = [], 1.0
for version in ("old", "new" * 10000):
    begin = time.monotonic()
    assert start(version).wait() == 0
    took = time.monotonic() - begin
    versions.append(content())
for i in range(40):
    process = start(("old", "new" * 10000)[i % 2])
    time.sleep(took * (0.5 + 0.6 * random.random()))
    process.kill()
    process.wait()
    for now, old, new in zip(content(), *versions):
        assert now in (old, new)
# What a kill may leave has one name to look for, and the next run is not disturbed by it.
left = set(os.listdir(folder)) - {"one.so", "one.h", "interface.json"}
assert left == {os.path.basename(name) for name in glob.glob(os.path.join(folder, ".nnc-*.tmp"))}, left
assert start("old").wait() == 0 and content() == versions[0]
