#!/usr/bin/env python3
"""The rules of the house that no compiler checks. Each rule is a function that yields complaints, "path[:line]: what".

Usage: lint.py [ROOT]. Prints one line per rule, the complaints below it, and at the end "N passed, N failed".
"""

import pathlib
import re
import shutil
import subprocess
import sys

CODE = (".cpp", ".h", ".c", ".td", ".py", ".nn", ".g4", ".mlir", ".cmake")
CXX = (".cpp", ".h", ".c")


class Tree:
    """The project's own files, by path relative to its root. What git ignores is not there."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        names = self._git() if (self.root / ".git").exists() else self._walk()
        self.paths = sorted(n for n in names if (self.root / n).is_file())

    def _git(self):
        command = ["git", "-C", str(self.root), "ls-files", "-co", "--exclude-standard"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    def _walk(self):
        return [str(p.relative_to(self.root)) for p in self.root.rglob("*") if p.is_file()]

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def match(self, *suffixes, under=""):
        return [p for p in self.paths if p.endswith(suffixes) and p.startswith(under)]

    def has(self, path):
        return path in self.paths


RULES = []


def rule(function):
    RULES.append(function)
    return function


@rule
def format(tree):
    """C++ is formatted by clang-format"""
    tool = shutil.which("clang-format-22")
    if not tool:
        yield "clang-format-22: not installed (./dev setup)"
        return
    files = [str(tree.root / p) for p in tree.match(*CXX)]
    for i in range(0, len(files), 40):
        done = subprocess.run([tool, "--dry-run", "-Werror", *files[i : i + 40]], capture_output=True, text=True)
        seen = set()
        for line in done.stderr.splitlines():
            m = re.match(r"(.+?):(\d+):\d+: error", line)
            if m and m[1] not in seen:  # the first place in each file is enough: ./dev format mends all
                seen.add(m[1])
                yield f"{pathlib.Path(m[1]).relative_to(tree.root)}:{m[2]}: not formatted (./dev format)"
        if done.returncode and not seen:
            yield f"clang-format: {done.stderr.strip()}"


@rule
def length(tree):
    """No source is longer than 500 lines"""
    for path in tree.match(*CODE):
        lines = tree.text(path).count("\n")
        if lines > 500:
            yield f"{path}: {lines} lines; is there a second subject inside?"


@rule
def names(tree):
    """No folder is called utils, common or support: a helper lives with its user"""
    for folder in sorted({str(parent) for p in tree.paths for parent in pathlib.PurePath(p).parents}):
        if pathlib.PurePath(folder).name.lower() in ("util", "utils", "common", "support", "helpers", "misc"):
            yield f"{folder}: a folder's name says what its files are about"


# What the compiler may see of the runtime: the contract, not the code.
CONTRACT = ("runtime/include/nnc.h", "runtime/Abi.h", "runtime/CpuFeatures.h")
PHASES = ("frontend", "gradient", "optimize", "memory", "lower", "target", "emit")


def room(path):
    parts = path.split("/")
    if parts[0] == "compiler" and len(parts) > 2 and parts[1] in PHASES:
        return parts[1]
    return parts[0] if len(parts) > 1 else ""


def may_include(user, used):
    """Whether a file of one room may include a file of another; both as paths from the root."""
    mine, theirs = room(user), room(used)
    if mine == theirs or mine in ("test", "examples"):
        return True
    if theirs in ("test", "examples"):
        return False
    if mine in ("dialect", "runtime"):
        return False
    if theirs == "runtime":
        return used in CONTRACT
    if theirs == "dialect":
        return True
    if mine == "compiler":  # Pipeline, the programs and what they are made of know every phase
        return True
    if theirs == "compiler":  # what all phases share, such as Passes.h
        return used != "compiler/Pipeline.h"
    return theirs == "target"  # the description of the machine


@rule
def direction(tree):
    """Includes go one way: test -> compiler -> dialect; the runtime stands alone; phases do not know each other"""
    for path in tree.match(*CXX):
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            m = re.match(r'\s*#\s*include\s*[<"]([^">]+)[">]', line)
            if not m:
                continue
            used = m[1]
            if path.startswith("runtime/") and re.match(r"(mlir|llvm|lld|antlr4-runtime|fmt)[/.]", used):
                yield f"{path}:{number}: the runtime uses neither LLVM nor other libraries: {used}"
            if "antlr4-runtime" in used and path != "compiler/frontend/Parser.cpp":
                yield f"{path}:{number}: only compiler/frontend/Parser.cpp sees ANTLR"
            first = used.split("/")[0]
            if first in ("dialect", "compiler", "runtime", "test", "examples") and not may_include(path, used):
                yield f"{path}:{number}: {room(path)} must not see {used}"
            if used.startswith("..") or "/../" in used:
                yield f"{path}:{number}: includes start at the root of the project: {used}"


def untested(tree):
    """What test/untested.txt owns up to: a name and the reason on each line. The list may only get shorter."""
    if not tree.has("test/untested.txt"):
        return {}
    lines = [line.split(None, 1) for line in tree.text("test/untested.txt").splitlines()]
    return {line[0]: line[1] for line in lines if len(line) == 2 and line[0] != "#"}


@rule
def codes(tree):
    """Every diagnostic code is declared, reported somewhere, and has a page and a test"""
    declared, used = {}, {}
    sources = tree.match(".cpp", ".h", ".td", ".nn", ".def", under="compiler/") + tree.match(".cpp", ".h", ".td", under="dialect/")
    for path in sources:
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            for digits in re.findall(r"^NN_CODE\((\d{4}),", line):
                declared[f"NN{digits}"] = f"{path}:{number}"
            for code in re.findall(r"\bNN0[1-9]\d\d\b", line):
                used.setdefault(code, f"{path}:{number}")
    tests = "\n".join(tree.text(p) for p in tree.match("", under="test/diagnostics/"))
    open_codes = untested(tree)
    for code in sorted(c for c in {**declared, **used} if c not in open_codes):
        place = used.get(code) or declared[code]
        if code not in declared:
            yield f"{place}: {code} is not declared in a .def file"
        if code not in used:
            yield f"{place}: no source reports {code}"
        if not tree.has(f"compiler/frontend/explain/{code}.md"):
            yield f"{place}: {code} has no page compiler/frontend/explain/{code}.md"
        if code not in tests:
            yield f"{place}: no test under test/diagnostics mentions {code}"
    for page in tree.match(".md", under="compiler/frontend/explain/"):
        if pathlib.PurePath(page).stem not in declared:
            yield f"{page}: this code is not declared"


def written_ops(tree):
    """The ops that programs call by name, those made of NN_LanguageOp: {mnemonic: (class name, family)}."""
    parents, found = {}, {}
    for path in tree.match(".td", under="dialect/"):
        text = tree.text(path)
        parents.update(re.findall(r"^class (NN_\w+)\s*<[^:]*?>\s*:\s*(NN_\w+)", text, re.M))
        for name, base, mnemonic in re.findall(r'^def NN_(\w+Op)\s*:\s*(NN_\w+)<"(\w+)"', text, re.M):
            found[mnemonic] = (name, base, pathlib.PurePath(path).stem)

    def language(base):
        return base == "NN_LanguageOp" or (base in parents and language(parents[base]))

    return {mnemonic: (name, family) for mnemonic, (name, base, family) in found.items() if language(base)}


@rule
def operations(tree):
    """An op with a lowering has its three sources of one name and its test"""
    families = {pathlib.PurePath(p).stem for p in tree.match(".td", under="dialect/")}
    sources = [p for room in ("optimize", "memory", "lower") for p in tree.match(".cpp", ".h", under=f"compiler/{room}/")]
    lowered = {name for p in sources for name in re.findall(r"\b(\w+Op)\b", tree.text(p))}
    for path in tree.match(".cpp", under="compiler/lower/"):
        family = pathlib.PurePath(path).stem
        if family in families and not tree.has(f"dialect/{family}.cpp"):
            yield f"{path}: there is no dialect/{family}.cpp"
    for mnemonic, (name, family) in sorted(written_ops(tree).items()):
        if name in lowered and mnemonic not in untested(tree) and not tree.has(f"test/run/{mnemonic}.nn"):
            yield f"dialect/{family}.td: {mnemonic} has a lowering and no test/run/{mnemonic}.nn"


@rule
def expected(tree):
    """A program in test/run has its expected values, and they have a program"""
    programs = {pathlib.PurePath(p).stem for p in tree.match(".nn", under="test/run/")}
    values = {pathlib.PurePath(p).stem for p in tree.match(".expect", under="test/run/")}
    for name in sorted(programs - values):
        yield f"test/run/{name}.nn: no expected values (./dev expect {name})"
    for name in sorted(values - programs):
        yield f"test/run/{name}.expect: no program"


@rule
def lessons(tree):
    """Every example has a README and a test, and stands in the list of examples"""
    for folder in sorted({p.split("/")[1] for p in tree.match("", under="examples/") if p.count("/") > 1}):
        if not tree.has(f"examples/{folder}/README.md"):
            yield f"examples/{folder}: no README.md"
        if not tree.has(f"test/examples/{folder}.test"):
            yield f"examples/{folder}: no test/examples/{folder}.test"
        if f"[{folder}]({folder})" not in (tree.text("examples/README.md") if tree.has("examples/README.md") else ""):
            yield f"examples/{folder}: not in examples/README.md"


@rule
def places(tree):
    """No path of one machine stands in the project"""
    # Where Debian puts LLVM, and the shell of a script, are the same everywhere.
    pattern = re.compile(r"(?<![\w.$}%*/-])/(?:home|root|work|tmp|Users|opt|mnt|srv)/[\w.-]+")
    for path in tree.paths:
        if path.endswith((".csv", ".safetensors", ".expect")) or path.startswith("test/lint"):
            continue
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            m = pattern.search(line)
            if m:
                yield f"{path}:{number}: {m[0]}"


@rule
def todos(tree):
    """No TODO without a reason in parentheses"""
    for path in tree.match(*CODE, ".txt"):
        if path.startswith("test/lint"):
            continue
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b(?!\([^)]+\))", line):
                yield f"{path}:{number}: {line.strip()}"


def check(root, rules=None):
    """{rule's name: complaints}"""
    tree = Tree(root)
    return {r.__name__: list(r(tree)) for r in (rules or RULES)}


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    failed = 0
    for name, complaints in check(root).items():
        doc = next(r.__doc__ for r in RULES if r.__name__ == name)
        print(f"{'FAIL' if complaints else 'ok  '} {doc}")
        for complaint in complaints:
            print(f"     {complaint}")
        failed += bool(complaints)
    print(f"{len(RULES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
