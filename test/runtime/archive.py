# RUN: %python %s %build/lib/libnnc_runtime.a %source/compiler/emit/libc.symbols %source/compiler/emit/libm.symbols
"""The archive that goes into every library: no writable data, only listed functions of libc and libm, small."""

import subprocess
import sys

archive, *lists = sys.argv[1:]
allowed = set()
for path in lists:
    for line in open(path, encoding="utf-8"):
        if line.strip() and not line.startswith("#"):
            symbol, version = line.split()
            release = [int(part) for part in version.removeprefix("GLIBC_").split(".")]
            assert release <= [2, 34], f"{symbol} needs {version}"
            allowed.add(symbol)

defined, needed, wrong = set(), set(), []
for line in subprocess.run(["nm", archive], capture_output=True, text=True, check=True).stdout.splitlines():
    *address, kind, symbol = line.split() if line and not line.endswith(":") else ("", "")
    if kind in ("U", "w", "v"):
        needed.add(symbol)
    elif kind:
        defined.add(symbol)
        if kind in "bBdDcCsS":
            wrong.append(f"{symbol} is writable ({kind})")
        if kind == "V" or symbol.startswith("_ZGV"):
            wrong.append(f"{symbol} is a guarded or weak variable")
assert len(defined) > 50, "nm did not list the archive"
wrong += [f"{symbol} is not on the list" for symbol in sorted(needed - defined - allowed - {"_GLOBAL_OFFSET_TABLE_"})]

code = 0
sections = subprocess.run(["size", "-A", archive], capture_output=True, text=True, check=True).stdout
for line in sections.splitlines():
    name, *numbers = line.split() or [""]
    if not name.startswith(".") or not numbers:
        continue
    if name.startswith((".tdata", ".tbss", ".init_array", ".ctors", ".fini_array")) and int(numbers[0]):
        wrong.append(f"section {name}")
    if name.startswith((".text", ".rodata", ".eh_frame", ".data")):
        code += int(numbers[0])
if code > 80 << 10:
    wrong.append(f"{code} bytes are more than 80 KB")

print("\n".join(wrong) or f"{code} bytes, {len(needed - defined)} functions of libc")
sys.exit(bool(wrong))
