"""Writes docs/prelude.md and docs/operations.md from compiler/prelude/*.nn and dialect/*.td, whose comments they are.

Usage: reference.py [--check]    (--check: exit status 1 if a page is not what would be written)
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PRELUDE = ["basic", "norm", "batchnorm", "convolution", "recurrent", "attention", "positions", "transformer", "graphs", "neighbours", "similarity", "losses", "optimizers"]  # fmt: skip
DIALECT = ["Elementwise", "Contraction", "Reduction", "Shape", "Indexing", "Window", "Random"]


def joined(lines):
    return " ".join(line.strip() for line in lines if line.strip())


def declarations(text):
    """(documentation, head) of each declaration of a file; and those of the entries of a layer, indented."""
    documentation, lines, i = [], text.splitlines(), 0
    while i < len(lines):
        line = lines[i]
        if m := re.match(r"\s*/// ?(.*)", line):
            documentation.append(m[1])
        elif re.match(r"(layer|fn|optimizer)\s|  fn [A-Za-z]", line):
            head = line
            while "{" not in head and i + 1 < len(lines):
                i += 1
                head += " " + lines[i].strip()
            yield documentation, line.startswith("  "), head[: head.index("{")].strip()
            documentation = []
        else:
            documentation = []
        i += 1


def prelude():
    yield "# The standard library\n"
    yield "What every program may use without an import. Written by `reference.py` from `compiler/prelude/`, where the code stands."
    yield "Settings are in `[ ]`; a free dimension begins with a capital. Names of parameters are those of the layer that is named.\n"
    for name in PRELUDE:
        text = (ROOT / "compiler/prelude" / f"{name}.nn").read_text(encoding="utf-8")
        about = re.match(r"(// .*\n)+", text)
        yield f"## {name}.nn\n"
        if about:
            yield joined(line[2:] for line in about[0].splitlines()) + "\n"
        for documentation, inner, head in declarations(text):
            if re.search(r"\b(fn|layer) _", head):
                continue
            yield f"  - `{head}`" + (f": {joined(documentation)}" if documentation else "") if inner else (
                f"- `{head}`" + (f"  \n  {joined(documentation)}" if documentation else ""))  # fmt: skip
        yield ""


def operations():
    yield "# Built-in operations\n"
    yield "Functions of the language that are operations of the dialect. Written by `reference.py` from `dialect/*.td`.\n"
    for family in DIALECT:
        text = (ROOT / "dialect" / f"{family}.td").read_text(encoding="utf-8")
        rows = []
        for block in re.split(r"^(?=def |class |#endif)", text, flags=re.M):
            head = re.match(r'def \w+ : NN_(\w+)<"(\w+)"', block)
            summary = re.search(r'let summary = "(.*?)";', block)
            if not head or not summary or head[1] in ("Op", "KernelOp"):
                continue
            more = re.search(r'let description = (?:"(.*?)"|\[\{(.*?)\}\]);', block, re.S)
            text_of_more = joined((more[1] or more[2]).splitlines()) if more else ""
            rows.append(f"- `{head[2]}`: {summary[1]}" + (f". {text_of_more}" if more else ""))
        if rows:
            yield f"## {family}\n"
            yield from rows
            yield ""


def main():
    wrong = 0
    for name, make in {"prelude": prelude, "operations": operations}.items():
        path = ROOT / "docs" / f"{name}.md"
        text = "\n".join(make()).rstrip() + "\n"
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"docs/{name}.md is not what docs/reference.py writes")
            wrong = 1
    sys.exit(wrong)


if __name__ == "__main__":
    main()
