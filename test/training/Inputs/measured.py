"""measured.py REPORT PROGRAM: runs a training step of each model in a report of memory, in a process of its own, and compares
what that needs with the peak in the report."""

import re
import subprocess
import sys

model = None
for line in open(sys.argv[1], encoding="utf-8"):
    header = re.match(r"(\w+), train_step: bytes, with (.*)", line)
    if header:
        model, sizes = header[1], re.findall(r"[A-Z] = (\d+)", header[2])
    elif re.match(r"\w+, ", line):
        model = None
    value = re.search(r"  ([\d,]+)  \([\d.]+ MiB\)$", line)  # the only line with mebibytes is the peak's
    if model and value:
        printed = int(value[1].replace(",", ""))
        measured = int(subprocess.run([sys.argv[2], model, *sizes], capture_output=True, text=True, check=True).stdout)
        near = abs(measured / printed - 1) <= 0.05
        print(f"{model}: within 5 %" if near else f"{model}: printed {printed}, measured {measured}")
