"""Checks the pages of `nnc --explain`: every code of Codes.def has one under its title; a page's first program has that
error, its second none. Usage: pages.py NNC SOURCE FOLDER"""

import pathlib
import re
import subprocess
import sys

nnc, source, folder = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
folder.mkdir(parents=True, exist_ok=True)
failures = []


def errors(code, name, text):
    path = folder / f"{code}-{name}.nn"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([nnc, "--emit=tree", path.name], cwd=folder, capture_output=True, text=True)
    return set(re.findall(r": error\[(NN\d+)\]", done.stderr)), done.returncode


codes = re.findall(r'^NN_CODE\((\d+), "(.*)"\)$', (source / "compiler/frontend/Codes.def").read_text(), re.M)
programs = 0
for number, title in codes:
    code = f"NN{number}"
    done = subprocess.run([nnc, "--explain", code], capture_output=True, text=True)
    if done.returncode or not done.stdout.startswith(f"# {code}: {title}\n"):
        failures.append(f"{code}: no page under the title `{title}`")
        continue
    blocks = re.findall(r"^```nn\n(.*?)^```$", done.stdout, re.M | re.S)
    if blocks and errors(code, "wrong", blocks[0]) != ({code}, 1):
        failures.append(f"{code}: its first program gives {errors(code, 'wrong', blocks[0])}")
    if blocks[1:] and errors(code, "right", blocks[1]) != (set(), 0):
        failures.append(f"{code}: its second program gives {errors(code, 'right', blocks[1])}")
    programs += len(blocks)

print("\n".join(failures))
print(f"{len(codes)} codes, {programs} programs, {len(failures)} failures")
sys.exit(bool(failures) or programs < 40)
