# RUN: %python %s %nnc %source
"""Every entry of every layer of the standard library has its derivatives tested, by inputs and parameters, or a reason.

layer-derivatives.py NNC SOURCE. They are in the train blocks of test/run/grad_layers*.nn, whose results are compared with
PyTorch's and with central differences: each takes the derivatives by all parameters off them in one step. What an entry calls
is read off the functions that the compiler makes of layers.
"""

import pathlib
import re
import subprocess
import sys

nnc, source = sys.argv[1], pathlib.Path(sys.argv[2])
sys.path.insert(0, str(source / "test/run"))
import differences  # noqa: E402 (lies there)
from entries import enclosed  # noqa: E402

STATES = "goes on from what earlier calls have kept: a state is a value of another call"
TURNED = "is `forward` between two exchanges of axes"
REASONS = {
    "GroupedQueryAttention.cached": STATES,
    **dict.fromkeys(("MultiheadAttention.cached", "MultiheadAttention.remember", "MultiheadAttention.recall"), STATES),
    **dict.fromkeys(("TransformerDecoderLayer.remember", "TransformerDecoderLayer.cached"), STATES),
    **dict.fromkeys(("TransformerDecoder.remember", "TransformerDecoder.cached"), STATES),
    **dict.fromkeys(("LSTM.batch_first", "RNN.batch_first", "MinGRU.batch_first"), TURNED),
}


def prelude():
    """Entries of all layers: `LSTM.forward`, `LSTM.batch_first`, .."""
    for path in sorted((source / "compiler/prelude").glob("*.nn")):
        text = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
        for m in re.finditer(r"^layer\s+(\w+)\s*", text, re.M):
            at = m.end()
            if text[at] == "[":
                at = enclosed(text, at)[1]
            arguments = text[at:].lstrip().startswith("(")
            body, _ = enclosed(text, re.compile(r"[^{]*").match(text, at).end())
            names = re.findall(r"\bfn\s+([A-Za-z]\w*)\s*\(", body)
            yield from (f"{m[1]}.{name}" for name in [*(["forward"] if arguments else []), *names])


tested = set()
for program in sorted((source / "test/run").glob("grad_layers*.nn")):
    steps = set(re.findall(r"^train\s+\w+\.(\w+)", program.read_text(encoding="utf-8"), re.M))
    compared = {line.split()[1] for line in differences.twins(program)[1]}
    if steps != {name.removesuffix("_step") for name in compared}:
        sys.exit(f"{program.name}: no differences of {steps - {n.removesuffix('_step') for n in compared}}")
    done = subprocess.run([nnc, program, "--emit=nn"], capture_output=True, text=True, check=True)
    tested |= set(re.findall(r"func private @(\w+\.\w+)", done.stdout))

entries = set(prelude())
complaints = [f"{e} has a derivative that no program test/run/grad_layers*.nn asks for" for e in sorted(entries - tested - set(REASONS))]
complaints += [f"{e} has a reason to have no derivative, and is no entry or has one" for e in sorted(set(REASONS) & tested | set(REASONS) - entries)]
print("\n".join(complaints) or f"{len(entries & tested)} entries of layers are differentiated")
sys.exit(bool(complaints))
