"""Feeds nnc what it must refuse quickly: exit status 1, exactly one error of the right code, no output, no crash.
Usage: limits.py NNC FOLDER"""

import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys

nnc, folder = sys.argv[1], pathlib.Path(sys.argv[2])
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
body = "fn f(x) {{ {} }}\n".format
model = "model M(x: float[B]) -> float[B] {{ {} }}\n".format
N = 100_000


def deep(first, each, n):
    """A declaration, n more of which each is made from the one before, and a model that uses the last."""
    layers = "".join(each.format(i, i + 1) for i in range(n))
    return f"{first}{layers}model M(x: float[B]) -> float[B] {{ use net = L{n}; net(x) }}\n"


refused = {
    "NN0101 invalid byte": b"fn f(x) { x }\n// \xff\n",
    "NN0101 overlong": b"// \xc0\xaf\n",
    "NN0101 surrogate": b"// \xed\xa0\x80",
    "NN0101 cut off": b"// \xe2\x82",
    "NN0101 UTF-16": "fn f(x) { x }\n".encode("utf-16"),
    "NN0102 NUL in a name": "fn f(x) { a\0b }\n",
    "NN0102 NUL in a comment": "// a\0b\nfn f(x) { x }\n",
    "NN0102 NUL at the end": "fn f(x) { x }\n\0",
    "NN0102 escape": "// \x1b[0m\n",
    "NN0102 C1 control": "// \u0085\n",
    "NN0102 carriage return": "fn f(x) { x }\rfn g(x) { x }\r",
    "NN0102 bidirectional override": "// \u202e\n",
    "NN0103 zero-width name": "fn f\u200b(x) { x }\n",
    "NN0103 Cyrillic name": "fn f(x) { \u0445 }\n",
    "NN0104 open string": 'import "abc\n',
    "NN0106 2^64": body(2**64),
    "NN0106 10^400": body(10**400),
    "NN0107 open brackets": body("(" * 200 + "x"),
    "NN0902 parentheses": body("(" * N + "x" + ")" * N),
    "NN0902 open parentheses": body("(" * N),
    "NN0902 square brackets": body("x" + "[0" * N + "]" * N),
    "NN0902 blocks": body("if true { " * N + "x" + " }" * N),
    "NN0902 layers": "layer L { " * N,
    "NN0902 minus": body("- " * N + "x"),
    "NN0902 not": body("not " * N + "x"),
    "NN0902 powers": body("x ^ " * N + "x"),
    "NN0902 suffixes": body("x" + "[0]" * N),
    "NN0902 257 minus": body("- " * 257 + "x"),
    "NN0902 chain of calls": "fn f0(x) { x }\n" + "".join(f"fn f{i + 1}(x) {{ f{i}(x) }}\n" for i in range(300)),
    "NN0903 sum": body("x + " * N + "x"),
    "NN0903 pipeline": body("x" + " |> exp" * N),
    "NN0903 10001": body("x + " * 10_000 + "x"),
    "NN0904 17 MB": "// " + "x" * (17 << 20),
    "NN0905 tokens": "fn f(x) {\n" + "x + x\n" * 300_000 + "}\n",
    "NN0906 name": "fn " + "a" * 1_000_000 + "(x) { x }\n",
    "NN0906 256 bytes": "fn " + "a" * 256 + "(x) { x }\n",
    "NN0902 chain of layers": deep(
        "layer L0(x: float[B]) -> float[B] { x }\n",
        "layer L{1}(x: float[B]) -> float[B] {{ use a = L{0}; a(x) }}\n",
        300,
    ),
    "NN0310 layer in itself": "layer L[n](x: float[B]) -> float[B] { use l = L[n - 1] if n > 0; l(x) }\n",
    "NN0908 2^40 parameters": deep(
        "layer L0(x: float[B]) -> float[B] { param w: float = 1; w * x }\n",
        "layer L{1}(x: float[B]) -> float[B] {{ use a = L{0}; use b = L{0}; x |> a |> b }}\n",
        40,
    ),
    "NN0908 2^40 calls": "fn f0(x) { exp(x) }\n"
    + "".join(f"fn f{i + 1}(x) {{ f{i}(x) + f{i}(x) }}\n" for i in range(40))
    + model("f40(x)"),
    "NN0908 10^9 copies": model("use net = repeat(1000000000, L); net(x)")
    + "layer L(x: float[B]) -> float[B] { x }\n",
    "NN0206 all copies": model("use net = repeat(1000000, L[400000]); net(x)")
    + "layer L[n](x: float[B]) -> float[B] { param w: float[n, n] = 0; x + sum(w) }\n",
    "NN0206 size of 2^47": model(f"param w: float[{2**47}] = 0; x + sum(w)"),
    "NN0206 product of sizes": model("param w: float[65536, 65536, 65536, 65536] = 0; x + sum(w)"),
    "NN0206 product in a size": "const n = 4000000000\n" + model("x + sum(iota(n * n * n))"),
    "NN0206 power of a sum": "model M(x: float[A, B, C, D]) -> float { "
    + "sum(x) + float(sum(iota((A + B + C + D + 1) ^ 64))) }\n",
    "NN0206 quotients in quotients": model(
        "let a0 = B\n"
        + "".join(f"let a{i + 1} = div(a{i} * a{i} + 1, B + {i})\n" for i in range(30))
        + "x + float(sum(iota(a30)))"
    ),
    "NN0206 range": model(f"x[{2**63 - 1} : {1 - 2**63}]"),
    "NN0206 padding": "model M(x: float[B, 3, 9], w: float[4, 3, 3]) -> float[B, 4, _] "
    + f"{{ conv(x, w, padding = {2**63 - 1}) }}\n",
    "NN0207 axis": model(f"x + sum(x, {2**63 - 1})"),
    "NN0907 rank": model("let y: float[" + "1, " * 2000 + "1] = 0; x + sum(y)"),
    "NN0805 empty": "",
    "NN0805 comments": "// nothing\n/// more\n",
    "NN0303 same names": "fn a(x) { x }\nfn a(x) { x }\n",
}
accepted = {
    "empty": "",
    "byte order mark": b"\xef\xbb\xbffn f(x) { x }\n",
    "only a byte order mark": b"\xef\xbb\xbf",
    "CRLF": "fn f(x) {\r\n  x +\r\n  1\r\n}\r\n",
    "other scripts in comments": "// \u6f22\u5b57 \u00e9\nfn f(x) { x }\n",
    "250 parentheses": body("(" * 250 + "x" + ")" * 250),
    "250 blocks": body("if true { " * 250 + "x" + " }" * 250),
    "256 minus": body("- " * 256 + "x"),
    "10000 operands": body("x + " * 9_999 + "x"),
    "10000 stages": body("x" + " |> exp" * 9_999),
    "20000 else if": body("if true { x } " + "else if true { x } " * 20_000 + "else { x }"),
    "name of 255 bytes": "fn " + "a" * 255 + "(x) { x }\n",
    "15 MB of comment": "// " + "x" * (15 << 20) + "\nfn f(x) { x }\n",
    "2^31 elements": model("param w: float[2147483648] = 0; x + sum(w)"),
    "2^40 calls of one layer": deep(
        "layer L0(x: float[B]) -> float[B] { x }\n",
        "layer L{1}(x: float[B]) -> float[B] {{ use a = L{0}; use b = L{0}; x |> a |> b }}\n",
        40,
    ),
    "1000 layers": "".join(f"layer L{i}[d](x: float[B, d]) -> float[B, d] {{ 2 * x }}\n" for i in range(1000)),
    "no line end": "fn f(x) { x }",
}
failures = []


def limits():
    resource.setrlimit(resource.RLIMIT_CPU, (2 * slow, 2 * slow))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(name, path, stdin=None):
    output = folder / "out.so"
    output.write_text("untouched")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [nnc, path, "-o", str(output)] if name in refused else [nnc, path, "--emit=tree"]
    done = subprocess.run(command, capture_output=True, stdin=stdin, cwd=folder, preexec_fn=limits)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime  # others may be at work as well
    if sorted(folder.glob("*.tmp")) or sorted(folder.glob(".nnc-*")) or (folder / "out.h").exists():
        failures.append(f"{name}: a file was left")
    if output.read_text() != "untouched":
        failures.append(f"{name}: the output was touched")
    return done.returncode, done.stderr.decode("utf-8", "replace"), seconds


def refuse(name, path, stdin=None):
    status, text, seconds = run(name, path, stdin)
    found = re.findall(r": error\[(NN\d+)\]: ", text)
    if status != 1 or found != [name[:6]] or seconds > slow or len(text) > 10000:
        failures.append(f"{name}: status {status}, {found}, {seconds:.1f} s: {text[:300]}")


# Each takes less than a second where nobody else is at work; what takes twenty grows with the square of something.
# Under sanitizers a second is not a second.
slow = 120 if os.environ.get("ASAN_OPTIONS") else 20
for name, text in refused.items():
    path = folder / "case.nn"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    refuse(name, "case.nn")
for name, text in accepted.items():
    path = folder / "case.nn"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    status, text, seconds = run(name, "case.nn")
    if status != 0 or "error" in text:
        failures.append(f"{name}: status {status}: {text[:300]}")

# What is no file.
os.mkfifo(folder / "fifo")
(folder / "folder.nn").mkdir()
(folder / "link.nn").symlink_to("link.nn")
(folder / "a.nn").write_text('import "b.nn"\n')
(folder / "b.nn").write_text('import "a.nn"\n')
(folder / "import.nn").write_text('import "fifo"\n')
(folder / "zero.nn").write_text('import "../../../../../../../../../../../../dev/zero"\n')
for name, path in {
    "NN0801 missing": "missing.nn",
    "NN0801 directory": "folder.nn",
    "NN0801 FIFO": "fifo",
    "NN0801 device": "/dev/zero",
    "NN0801 link to itself": "link.nn",
    "NN0801 imported FIFO": "import.nn",
    "NN0802 files that import each other": "a.nn",
    "NN0801 strange name": "a\nb\x1b\u202e.nn",
    "NN0801 long name": "a" * 4096 + ".nn",
}.items():
    refused[name] = ""
    refuse(name, path)
refused["NN0904 endless standard input"] = ""
with open("/dev/zero", "rb") as zero:
    refuse("NN0904 endless standard input", "-", zero)

print("\n".join(failures))
print(f"{len(refused)} refused, {len(accepted)} accepted, {len(failures)} failures")
sys.exit(bool(failures))
