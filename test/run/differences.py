"""What the entries of a program of derivatives are derivatives of, so that the runner can compare them with differences.

An entry that gives `grad(e, x, ..)`, of an `e` that it computes itself, by arguments x, gets a twin that gives e. A train
block that minimizes e `with sgd(1.0)` is its own: its first output is e, and the step takes the derivatives off the parameters.
"""

import os
import pathlib
import re

from entries import enclosed, read_program, split

# Entries whose derivative is not that of the value, and why.
NOT_ITS_DERIVATIVE = {
    ("grad", "stopped"): "a part counts as constant",
    ("grad", "own"): "the derivative is what a rule of its own says",
    ("grad_elementwise", "d_cast"): "the value is f32",
}


def statements(body):
    """The statements of a block; what stands in brackets belongs to the statement that they are in."""
    found, depth, line = [], 0, ""
    for c in body:
        depth += (c in "([{") - (c in ")]}")
        if c in "\n;" and not depth:
            found.append(line.strip())
            line = ""
        else:
            line += c
    return [s for s in [*found, line.strip()] if s]


def gradient(text):
    """(e, [x, ..]) of `grad(e, x, ..)`, which must be all of the text."""
    if not text.startswith("grad("):
        return None
    inside, end = enclosed(text, 4)
    value, *by = split(inside)
    return (value, by) if end == len(text) else None


def bound(statement):
    """(names, value) of a `let` of one binding."""
    m = re.fullmatch(r"let\s+([\w\s,]+?)\s*=(?!=)\s*(.*)", statement, re.S)
    return (re.split(r"\s*,\s*", m[1]), m[2]) if m else ([], "")


def names_of_let(statement):
    return [n for binding in split(statement[4:]) for n in re.findall(r"\w+", re.split(r":|=", binding)[0])]


def derivatives(block, results, arguments):
    """[(e, {output: input})] of a block whose last line is what it gives."""
    given, last = block[:-1], split(block[-1])
    lets = {name: (gradient(value), i) for names, value in map(bound, given) for i, name in enumerate(names)}
    found, at = [], 0
    for number, text in enumerate(last):
        known = gradient(text)
        if known:
            value, by = known
            taken = len(by) if number == len(last) - 1 else 1
            pairs = zip(range(at, at + taken), by)
            at += taken
        else:
            known, i = lets.get(text, (None, 0))
            value, by = known or ("", [])
            pairs = [(at, by[i])] if known else []
            at += 1
        pairs = {results[i].name: x for i, x in pairs if x in arguments}
        if pairs and value in (v for v, _ in found):
            next(p for v, p in found if v == value).update(pairs)
        elif pairs:
            found.append((value, pairs))
    return found


def needed(block, value):
    """The statements that the value needs."""
    kept = [value]
    for statement in reversed(block):
        names = names_of_let(statement) if statement.startswith("let ") else []
        if not names or any(re.search(rf"\b{n}\b", text) for n in names for text in kept):
            kept.insert(0, statement)
    return kept


def written_pairs(pairs, entry):
    single = [x.name + (".0" if entry.train else "") for x in entry.arguments if x.type == "f32"]
    single += [x.name for x in entry.results if x.type == "f32"]
    return [f"{out}={x}" for out, x in pairs.items()] + [f"f32={name}" for name in single]


def twins(path):
    """(program with an entry for each value, lines for the runner)"""
    text = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
    _, _, entries = read_program(path)
    model = re.search(r"^model\b", text, re.M).start()
    start = text.index("{", model)
    body, end = enclosed(text, start)
    written, lines = "", []
    for m in re.finditer(r"\bfn\s+([A-Za-z]\w*)\s*(?=\()", body):
        name, entry = m[1], entries[m[1]]
        inside, after = enclosed(body, m.end())
        block = statements(enclosed(body, body.index("{", after))[0])
        if (path.stem, name) in NOT_ITS_DERIVATIVE:
            continue
        known = derivatives(block, entry.results, {a.name for a in entry.arguments})
        for number, (value, pairs) in enumerate(known):
            twin = f"value{number or ''}_{name}"
            block_of_value = "\n    ".join(needed(block[:-1], value))
            written += f"  fn {twin}({inside}) -> float {{\n    {block_of_value}\n  }}\n"
            lines.append(" ".join([f"gradient {name} {twin}", *written_pairs(pairs, entry)]))
    for m in re.finditer(r"^train\s+\w+\.(\w+)\s*(?=\()", text, re.M):
        name, entry = f"{m[1]}_step", entries[f"{m[1]}_step"]
        _, after = enclosed(text, m.end())
        block = statements(enclosed(text, text.index("{", after))[0])
        if "with sgd(1.0)" not in block:
            continue
        known = derivatives(block, entry.results[1:], {a.name for a in entry.arguments})
        pairs = {out: f"{x}.0" for _, pairs in known for out, x in pairs.items()}  # the name in the first step
        lines.append(" ".join([f"step {name}", *written_pairs(pairs, entry)]))
    return text[: end - 1] + written + text[end - 1 :], lines


def write(path, source, pairings):
    extended, lines = twins(path)
    folder = os.path.relpath(path.resolve().parent, pathlib.Path(source).resolve().parent)
    pathlib.Path(source).write_text(re.sub(r'^import "', f'import "{folder}/', extended, flags=re.M), encoding="utf-8")
    pathlib.Path(pairings).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
