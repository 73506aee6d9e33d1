# RUN: %python %s %nnc %source
"""Every operation has a derivative or a reason to have none, and every derivative is tested.

derivatives.py NNC SOURCE. What the operations are is read off their definitions, dialect/*.td. The derivative of one is
tested if a scalar depends on it in a program test/run/grad*.nn, whose gradients are compared with PyTorch's, by a value
that it depends on itself. Operations that only derivatives are made of are tested by derivatives of derivatives.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

nnc, source = sys.argv[1], pathlib.Path(sys.argv[2])

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
    """Names of the operations between a value and a scalar whose gradient by this value is asked for."""
    known, names = operations(function), set()
    for number, (_, name, operands) in enumerate(known):
        if name != "grad":
            continue
        scalar, active = operands[0], set(operands[1:])
        leads = {scalar}
        for results, _, used in known[:number]:
            if active & set(used):
                active.update(results)
        for results, other, used in reversed(known[:number]):
            if leads & set(results) and active & set(results):
                leads.update(used)
                names.add(other)
    return names


def emitted(program, phase):
    return subprocess.run([nnc, program, f"--emit={phase}"], capture_output=True, text=True, check=True).stdout


written, derived = set(), set()
for program in sorted((source / "test/run").glob("grad*.nn")):
    functions = emitted(program, "nn").split("func.func")
    called = set()
    for function in functions:
        names = on_the_way(function)
        written |= names
        called |= {"call"} & names
    if called:  # a layer whose derivative is asked for where it is used
        written |= {name for f in functions for _, name, _ in operations(f)}
    if any(len(re.findall(r"nn\.grad", f)) > 1 for f in functions):
        derived |= {name for _, name, _ in operations(emitted(program, "grad"))}

complaints = []
for name, (rule, maps) in sorted(definitions().items()):
    if not rule:
        if maps and name not in NONE:
            complaints.append(f"nn.{name} has no derivative, and no reason for that stands in {pathlib.Path(__file__).name}")
    elif name not in written and name not in derived:
        complaints.append(f"nn.{name} has a derivative that no program test/run/grad*.nn asks for")
print("\n".join(complaints) or f"{len(written)} operations are differentiated")
sys.exit(bool(complaints))
