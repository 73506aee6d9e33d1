"""Compares the functions that a header declares with those that its library exports: exports.py HEADER < llvm-nm."""

import re
import sys

with open(sys.argv[1], encoding="utf-8") as header:
    text = re.sub(r"/\*.*?\*/", "", header.read(), flags=re.S)
declared = sorted(re.findall(r"\b(\w+)\(", text))
exported = sorted(line.split()[-1] for line in sys.stdin if line.split())
for name in sorted(set(declared) ^ set(exported)):
    print(name, "is only", "declared" if name in declared else "exported")
sys.exit(declared != exported or not declared)
