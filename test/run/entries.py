"""What a program of test/run says about itself: its model, its entries and their arguments."""

import dataclasses
import pathlib
import re


@dataclasses.dataclass
class Argument:
    name: str
    type: str  # "float", "i64", ..
    dims: list  # texts
    optional: bool = False


@dataclasses.dataclass
class Entry:
    arguments: list
    results: list
    train: bool = False

    def free(self):
        """The free dimensions in the order of the C function: by first appearance, those only in results last."""
        names = []
        for argument in self.arguments + self.results:
            for dim in argument.dims:
                names += [n for n in re.findall(r"\b[A-Z]\w*", dim) if n not in names]
        return names

    def given(self):
        """Those that are arguments of the C function: not known from a graph."""
        known = {n for a in self.arguments if a.type == "graph" for dim in a.dims for n in re.split(r"\s*->\s*", dim)}
        return [n for n in self.free() if n not in known]


def split(text, separator=","):
    """Splits at the separators that stand in no bracket."""
    parts, depth = [""], 0
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        if c == separator and not depth:
            parts.append("")
        else:
            parts[-1] += c
    return [p.strip() for p in parts if p.strip()]


def parse_type(text):
    m = re.fullmatch(r"(\w+)\s*(?:\[(.*)\])?", text.strip())
    return m[1], split(m[2] or "")


def parse_arguments(text):
    result, waiting = [], []
    for part in split(text):
        declared, _, default = part.partition("=")
        name, colon, type_text = declared.partition(":")
        if not colon:
            waiting.append(name.strip())
            continue
        type_name, dims = parse_type(type_text)
        result += [Argument(n, type_name, dims) for n in waiting]
        result.append(Argument(name.strip(), type_name, dims, bool(default)))
        waiting = []
    return result


def parse_results(text):
    text = text.strip()
    if not text.startswith("("):
        return [Argument("out", *parse_type(text))]
    parts = [p.partition(":") for p in split(text[1:-1])]
    return [Argument(name.strip(), *parse_type(type_text)) for name, _, type_text in parts]


def enclosed(text, start):
    """The text between the bracket at `start` and its counterpart, and the position after that."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] in "([{") - (text[i] in ")]}")
        if not depth:
            return text[start + 1 : i], i + 1
    raise ValueError("a bracket is not closed")


def c_name(name):
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", name)
    return name.lower()


def read_program(path):
    """(C name of the model, {setting: value}, {entry: Entry}) of a program with one model."""
    text = re.sub(r"//.*", "", pathlib.Path(path).read_text(encoding="utf-8"))
    m = re.search(r"^model\s+(\w+)\s*", text, re.M)
    name, at, settings, entries = m[1], m.end(), {}, {}
    if text[at] == "[":
        inside, at = enclosed(text, at)
        settings = {k.strip(): eval(v) for k, _, v in (s.partition("=") for s in split(inside))}
        at = re.compile(r"\s*").match(text, at).end()
    if text[at] == "(":
        inside, at = enclosed(text, at)
        m = re.compile(r"\s*->\s*([^{]*)").match(text, at)
        entries["forward"] = Entry(parse_arguments(inside), parse_results(m[1]))
        at = m.end()
    body, _ = enclosed(text, text.index("{", at))
    for m in re.finditer(r"\bfn\s+([A-Za-z]\w*)\s*(?=\()", body):
        inside, after = enclosed(body, m.end())
        result = re.compile(r"\s*->\s*([^{]*)").match(body, after)
        entries[m[1]] = Entry(parse_arguments(inside), parse_results(result[1]))
    for m in re.finditer(r"^train\s+\w+(?:\.(\w+))?\s*(?=\()", text, re.M):
        inside, at = enclosed(text, m.end())
        result = re.compile(r"\s*(?:->\s*([^{]*))?").match(text, at)[1]
        results = [Argument("loss", "loss", [])] + (parse_results(result) if result else [])
        entries[f"{m[1] or 'train'}_step"] = Entry(parse_arguments(inside), results, True)
    return c_name(name), settings, entries
