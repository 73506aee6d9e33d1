"""Says which libraries in a folder are small, and whether 48 layers take more than 12."""

import pathlib
import sys

size = {path.name: path.stat().st_size for path in pathlib.Path(sys.argv[1]).iterdir()}
small = sorted(name for name in size if name.endswith(".so") and size[name] <= 300_000)
print("at most 300000 bytes:", *small)
for kind in ("o", "so"):
    few, many = size[f"12.{kind}"], size[f"48.{kind}"]
    same = abs(many - few) <= 0.01 * few
    print(f"48.{kind} is {'as large as' if same else 'another size than'} 12.{kind} ({few}, {many})")
