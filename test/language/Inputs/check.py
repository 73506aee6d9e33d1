"""Every program of the folders parses, resolves and checks without an error. Usage: check.py NNC (FOLDER COUNT)...

What the standard library and this version of nnc lack (names that are unknown, codes of what is refused) stands in
missing.txt: a list that only gets shorter."""

import pathlib
import re
import subprocess
import sys

nnc, programs = sys.argv[1], []
for folder, count in zip(sys.argv[2::2], sys.argv[3::2]):
    found = sorted(pathlib.Path(folder).glob("*.nn"))
    assert len(found) == int(count), found
    programs += found

missing = set(pathlib.Path(__file__).with_name("missing.txt").read_text().split())
seen, failures = set(), 0
for program in programs:
    command = [nnc, "--emit=tree", program.name]
    if "state" == program.stem:
        command += [f"-D{name}=8" for name in ("vocab", "d", "heads", "depth", "context")]
    done = subprocess.run(command, cwd=program.parent, capture_output=True, text=True)
    errors = re.findall(r"^(\S+: error\[(NN\d+)\]: .*)$", done.stderr, re.M)
    for text, code in errors:
        name = re.search(r"no (?:function or layer|optimizer) `(\w+)`", text)
        excuse = name[1] if name else code
        seen.add(excuse)
        if excuse not in missing:
            failures += 1
            print(text)
    if done.returncode != bool(errors) or (not errors and not done.stdout.startswith("file ")):
        failures += 1
        print(f"{program}: status {done.returncode}\n{done.stderr[:500]}")
for excuse in sorted(missing - seen):
    failures += 1
    print(f"{excuse} is there now: drop it from missing.txt")
print(f"{len(programs)} programs, {failures} failures; excused: {' '.join(sorted(seen & missing)) or 'nothing'}")
sys.exit(bool(failures))
