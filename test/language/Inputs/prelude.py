"""Every layer, function and optimizer of the standard library is used at least twice by the programs of a folder, which check
without a message; their tensors are those that each program lists. Usage: prelude.py NNC PRELUDE FOLDER

A program lists tensors of its first model as `// use.path [sizes]`: below a `use` that is listed there are these and no others."""

import collections
import pathlib
import re
import subprocess
import sys

nnc, prelude, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
failures = []
names, used = {}, collections.Counter()
for source in sorted(prelude.glob("*.nn")):
    for name in re.findall(r"^(?:layer|fn|optimizer) (\w+)", source.read_text(), re.M):
        names[name] = source.name

for program in sorted(folder.glob("*.nn")):
    text = program.read_text()
    done = subprocess.run([nnc, "--emit=nn", str(program)], capture_output=True, text=True)
    if done.returncode or done.stderr:
        failures.append(f"{program.name}: status {done.returncode}\n{done.stderr}")
    code = re.sub(r"//.*", "", text)
    own = set(re.findall(r"^(?:layer|fn) (\w+)", code, re.M))
    used.update(name for name in re.findall(r"\b\w+\b", code) if name not in own)
    there = {}
    model = re.search(r"^model (\w+)", text, re.M)[1]
    for path, sizes, attributes in re.findall(rf'nn\.storage "([^"]+)" of "{model}" : tensor<((?:\d+x)*)\S+ {{(.*)', done.stdout):
        shape = [int(size) for size in sizes.split("x")[:-1]]
        repeat = re.search(r"repeats = array<i64: (\d+), (\d+)>", attributes)
        for number in range(int(repeat[2])) if repeat else []:
            there[path.replace("#", str(int(repeat[1]) + number))] = shape[1:]
        if not repeat:
            there[path] = shape
    wanted = {path: eval(sizes) for path, sizes in re.findall(r"^// (\S+) (\[.*\])$", text, re.M)}
    roots = {path.split(".")[0] for path in wanted}
    for path in sorted(wanted.keys() | {p for p in there if p.split(".")[0] in roots}):
        if there.get(path) != wanted.get(path):
            failures.append(f"{program.name}: `{path}` is {there.get(path)}, wanted {wanted.get(path)}")

for name, source in sorted(names.items()):
    if used[name] < 2:
        failures.append(f"{source}: `{name}` is used {used[name]} times by the programs in {folder.name}, wanted 2")
print("\n".join(failures + [f"{len(names)} names, {len(failures)} failures"]))
sys.exit(bool(failures))
