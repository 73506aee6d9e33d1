"""Reads `llvm-size -A` of two libraries; fails if their .text sections differ by more than 1 %."""

import sys

small, large = (int(line.split()[1]) for line in sys.stdin if line.startswith(".text"))
if abs(large - small) > 0.01 * small:
    sys.exit(f".text has {small} and {large} bytes")
