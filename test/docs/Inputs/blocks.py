"""blocks.py OUT PAGE...: writes every ```nn block of the pages that declares something to a file of its own in OUT, and
the ```sh blocks that compile something to OUT.sh."""

import pathlib
import re
import sys

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
number, commands = 0, ""
for page in sys.argv[2:]:
    for block in re.findall(r"^```sh\n(.*?)^```", pathlib.Path(page).read_text(encoding="utf-8"), re.M | re.S):
        commands += block if re.search(r"^nnc ", block, re.M) else ""
    for block in re.findall(r"^```nn\n(.*?)^```", pathlib.Path(page).read_text(encoding="utf-8"), re.M | re.S):
        if re.search(r"^(model|layer|fn|train)\b", block, re.M):
            number += 1
            (out / f"{number}.nn").write_text(block)
if not number:
    sys.exit("there is no block")
out.with_suffix(".sh").write_text(commands)
