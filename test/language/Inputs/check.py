"""Every program of the folders parses, resolves and checks without a message. Usage: check.py NNC (FOLDER COUNT)..."""

import pathlib
import subprocess
import sys

nnc, programs = sys.argv[1], []
for folder, count in zip(sys.argv[2::2], sys.argv[3::2]):
    found = sorted(pathlib.Path(folder).glob("*.nn"))
    assert len(found) == int(count), found
    programs += found

failures = 0
for program in programs:
    command = [nnc, "--emit=tree", program.name]
    if program.stem == "state":  # its model's settings have no defaults
        command += [f"-D{name}=8" for name in ("vocab", "d", "heads", "depth", "context")]
    done = subprocess.run(command, cwd=program.parent, capture_output=True, text=True)
    if done.returncode or done.stderr or not done.stdout.startswith("file "):
        failures += 1
        print(f"{program}: status {done.returncode}\n{done.stderr}")
print(f"{len(programs)} programs, {failures} failures")
sys.exit(bool(failures))
