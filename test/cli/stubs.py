""" The C library's names and versions that libraries are linked with exist in the real one.
REQUIRES: x86_64
RUN: %python %s %source/compiler/emit
"""

import glob
import re
import subprocess
import sys

for name in ("libc", "libm"):
    paths = glob.glob(f"/lib/x86_64-linux-gnu/{name}.so.6") + glob.glob(f"/lib64/{name}.so.6")
    if not paths:
        sys.exit(f"there is no {name}.so.6")
    table = subprocess.run(["llvm-nm", "-D", "--defined-only", paths[0]], capture_output=True, text=True, check=True).stdout
    real = {line.split()[-1].replace("@@", "@") for line in table.splitlines()}
    with open(f"{sys.argv[1]}/{name}.symbols", encoding="utf-8") as file:
        lines = [line.strip() for line in file if not line.startswith("#")]
    assert lines == sorted(set(lines)), f"{name}.symbols is not sorted"
    for line in lines:
        symbol, version = line.split(" ")
        assert f"{symbol}@{version}" in real, line
        assert [int(part) for part in re.findall(r"\d+", version)] <= [2, 34], line
