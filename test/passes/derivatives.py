# RUN: %python %s %nnc %source
"""Every operation has a derivative or a reason to have none, and every derivative is tested.

derivatives.py NNC SOURCE. What the operations are is read off their definitions, dialect/*.td. The derivative of one is
tested if a scalar depends on it in a program test/run/grad*.nn, whose gradients are compared with PyTorch's, by a value
that it depends on itself; in an entry, that is, whose derivatives are compared with central differences as well. The second
derivative is tested likewise, where there is one. Operations that only derivatives are made of are tested by derivatives of
derivatives.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

nnc, source = sys.argv[1], pathlib.Path(sys.argv[2])
sys.path.insert(0, str(source / "test/run"))
import differences  # noqa: E402 (lies there)

# Operations on tensors without a rule, and why they need none.
NONE = {
    "stop_gradient": "has none on purpose",
    "call": "differentiates to calls of two functions made of its own",
    "grad": "is gone once it is differentiated",
    **dict.fromkeys("checkpoint scan".split(), "the pass itself goes back through its body"),
    "at": "is read by the rule of the neighbourhood whose body it is in",
    **dict.fromkeys("argmax argmin eq ne lt le gt ge and or not any all isfinite one_hot pool_positions bound".split(), "takes or gives no floats"),
    **dict.fromkeys("uniform normal trunc_normal orthogonal orthonormalize draw".split(), "gives random numbers"),
    **dict.fromkeys("map rows copy pool order pack packed attend pair_sums diagonals tile endpoints".split(), "is made later, of what has been differentiated"),
    **dict.fromkeys("state state_value store".split(), "is a value of another call"),
}  # fmt: skip


# Operations with a rule whose second derivative says nothing more, and why.
FIRST_ONLY = {
    **dict.fromkeys("ceil floor round sign div".split(), "the first one is 0"),
    "cast": "is linear, and rounds in the working types",
    "custom_gradient": "the first one is an expression of the program",
}  # fmt: skip

TENSORS = ("NN_Tensor", "NN_Value", "NN_TensorOrRef")


def definitions():
    """{mnemonic: (has a rule, takes tensors and gives values)} of all operations."""
    tool = shutil.which("llvm-tblgen")
    include = pathlib.Path(tool).resolve().parent.parent / "include"
    found = {}
    for path in sorted((source / "dialect").glob("*.td")):
        done = subprocess.run([tool, "--dump-json", f"-I{include}", f"-I{source}", path], capture_output=True, text=True, check=True)
        records = json.loads(done.stdout)

        def is_tensor(argument):
            one = records[argument[0]["def"]].get("baseType", argument[0])  # of one that may be repeated
            return one["def"] in TENSORS

        for name in records["!instanceof"].get("NN_Op", []):
            op = records[name]
            takes = any(map(is_tensor, op["arguments"]["args"]))
            rule = any(t["def"] == "NN_Differentiable" for t in op["traits"])
            found[op["opName"]] = (rule, takes and bool(op["results"]["args"]))
    return found


VALUE = re.compile(r"%[\w$.-]+")


def operations(function):
    """(results, name, operands) of each operation in the text of a function; one with a body reads what its body does."""
    found = []
    for line in function.splitlines():
        m = re.match(r"\s*(?:(%[\w$.-]+)(?::\d+)?(?:, %[\w$.-]+)* = )?\"?nn\.(\w+)\"?(.*)", line)
        if m:
            results = VALUE.findall(line[: m.start(2)])
            found.append((results, m[2], VALUE.findall(m[3])))
    return found


def on_the_way(function):
    """Names of the operations between a value and a scalar whose gradient by this value is asked for, and of those among
    them that are so once more in a gradient of this gradient."""
    known, once, twice = operations(function), {}, set()
    for number, (_, name, operands) in enumerate(known):
        if name != "grad":
            continue
        scalar, active, names = operands[0], set(operands[1:]), set()
        leads = {scalar}
        for results, _, used in known[:number]:
            if active & set(used):
                active.update(results)
        for at, (results, other, used) in reversed(list(enumerate(known[:number]))):
            if leads & set(results) and active & set(results):
                leads.update(used)
                names.add(other)
                twice |= once.get(at, set())
        once[number] = names
    return set().union(*once.values()), twice


def emitted(program, phase):
    return subprocess.run([nnc, program, f"--emit={phase}"], capture_output=True, text=True, check=True).stdout


written, derived, twice = set(), set(), set()
for program in sorted((source / "test/run").glob("grad*.nn")):
    functions = emitted(program, "nn").split("func.func")
    compared = {line.split()[1] for line in differences.twins(program)[1]}
    ways = [on_the_way(f) for f in functions for entry in re.findall(r"^ @\w+\.(\w+)\(", f) if entry in compared]
    everywhere = {name for f in functions for _, name, _ in operations(f)}
    for found, names in ((written, [once for once, _ in ways]), (twice, [second for _, second in ways])):
        found |= set().union(*names)
        if any("call" in n for n in names):  # a layer whose derivative is asked for where it is used
            found |= everywhere
    if any(second for _, second in ways):
        derived |= {name for _, name, _ in operations(emitted(program, "grad"))}

complaints = []
for name, (rule, maps) in sorted(definitions().items()):
    if not rule:
        if maps and name not in NONE:
            complaints.append(f"nn.{name} has no derivative, and no reason for that stands in {pathlib.Path(__file__).name}")
        continue
    if name not in written and name not in derived:
        complaints.append(f"nn.{name} has a derivative that no program test/run/grad*.nn asks for in an entry that has differences")
    if name not in twice and name in written and name not in FIRST_ONLY:
        complaints.append(f"nn.{name} has a second derivative that no program test/run/grad*.nn asks for in an entry that has differences")
print("\n".join(complaints) or f"{len(written)} operations are differentiated, {len(twice)} twice")
sys.exit(bool(complaints))
