#!/usr/bin/env python3
"""Each rule of lint.py can fail: a small tree that breaks it is caught, the same tree mended is not."""

import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lint

PAGE = "compiler/frontend/explain/NN0203.md"
CODE = {"compiler/frontend/Codes.def": 'NN_CODE(0203, "shapes")\n'}
USE = {"compiler/A.cpp": "NN0203"}
DEF = 'class NN_Unary<string m, list<Trait> t = []>\n    : NN_LanguageOp<m, t>;\ndef NN_TanhOp : NN_Unary<"tanh"> {}\n'
LOWER = "void f() { lower<TanhOp>(); }\n"

# rule: [(what is wrong, {path: text}, {path: text that mends it, or None to take it away})]
CASES = {
    "format": [("unformatted", {".clang-format": "BasedOnStyle: LLVM\n", "dialect/A.cpp": "int   x ;\n"}, {"dialect/A.cpp": "int x;\n"})],
    "length": [("long", {"dialect/A.cpp": "\n" * 501}, {"dialect/A.cpp": "\n" * 500})],
    "names": [("utils", {"compiler/utils/A.h": ""}, {"compiler/utils/A.h": None, "compiler/lower/A.h": ""})],
    "direction": [
        ("dialect sees compiler", {"dialect/A.cpp": '#include "compiler/Passes.h"\n'}, {"dialect/A.cpp": '#include "dialect/A.h"\n'}),
        ("runtime sees dialect", {"runtime/A.cpp": '#include "dialect/A.h"\n'}, {"runtime/A.cpp": '#include "runtime/Abi.h"\n'}),
        ("runtime sees LLVM", {"runtime/A.cpp": '#include "llvm/ADT/Twine.h"\n'}, {"runtime/A.cpp": "#include <string.h>\n"}),
        ("compiler sees the runtime's code", {"compiler/emit/A.cpp": '#include "runtime/Model.h"\n'}, {"compiler/emit/A.cpp": '#include "runtime/Abi.h"\n'}),
        ("phase sees phase", {"compiler/lower/A.cpp": '#include "compiler/memory/A.h"\n'}, {"compiler/lower/A.cpp": '#include "compiler/target/cpu/A.h"\n'}),
        ("phase sees the pipeline", {"compiler/lower/A.cpp": '#include "compiler/Pipeline.h"\n'}, {"compiler/lower/A.cpp": '#include "compiler/Passes.h"\n'}),
        ("compiler sees a test", {"compiler/A.cpp": '#include "test/A.h"\n'}, {"compiler/A.cpp": '#include "compiler/lower/A.h"\n'}),
        ("ANTLR outside the parser", {"compiler/frontend/A.cpp": "#include <antlr4-runtime.h>\n"}, {"compiler/frontend/A.cpp": None, "compiler/frontend/Parser.cpp": "#include <antlr4-runtime.h>\n"}),
        ("upwards", {"dialect/A.cpp": '#include "../dialect/A.h"\n'}, {"dialect/A.cpp": '#include "dialect/A.h"\n'}),
    ],
    "codes": [
        ("no page", {**CODE, **USE, "test/diagnostics/a.nn": "NN0203"}, {PAGE: ""}),
        ("no test", {**CODE, **USE, PAGE: ""}, {"test/diagnostics/a.nn": "NN0203"}),
        ("not reported", {**CODE, PAGE: "", "test/diagnostics/a.nn": "NN0203"}, USE),
        ("not declared", {**USE, PAGE: "", "test/diagnostics/a.nn": "NN0203"}, CODE),
        ("page of nothing", {PAGE: ""}, {PAGE: None}),
    ],
    "operations": [
        ("no dialect source", {"dialect/E.td": DEF, "compiler/lower/E.cpp": LOWER, "test/run/tanh.nn": ""}, {"dialect/E.cpp": ""}),
        ("no run test", {"dialect/E.td": DEF, "dialect/E.cpp": "", "compiler/lower/E.cpp": LOWER}, {"test/run/tanh.nn": ""}),
        ("lowered elsewhere", {"dialect/E.td": DEF, "compiler/optimize/F.cpp": LOWER}, {"test/run/tanh.nn": ""}),
    ],
    "expected": [
        ("no values", {"test/run/tanh.nn": ""}, {"test/run/tanh.expect": ""}),
        ("no program", {"test/run/tanh.expect": ""}, {"test/run/tanh.nn": ""}),
    ],
    "lessons": [
        ("no README", {"examples/01-a/a.nn": "", "examples/README.md": "[01-a](01-a)", "test/examples/01-a.test": ""}, {"examples/01-a/README.md": ""}),
        ("no test", {"examples/01-a/README.md": "", "examples/README.md": "[01-a](01-a)"}, {"test/examples/01-a.test": ""}),
        ("not listed", {"examples/01-a/README.md": "", "examples/README.md": "", "test/examples/01-a.test": ""}, {"examples/README.md": "[01-a](01-a)"}),
    ],
    "places": [("a machine's path", {"README.md": "see /home/me/nnc\n"}, {"README.md": "see ./home/me/nnc, /usr/lib/llvm-22\n"})],
    "todos": [("no reason", {"dialect/A.cpp": "// TODO mend\n"}, {"dialect/A.cpp": "// TODO(needs LLVM 23) mend\n"})],
}


def write(root, files):
    for path, text in files.items():
        target = root / path
        if text is None:
            target.unlink()
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def main():
    passed = failed = 0
    for rule in lint.RULES:
        for what, broken, mended in CASES.get(rule.__name__, [("a self-test of this rule is missing", {}, {})]):
            with tempfile.TemporaryDirectory() as folder:
                root = pathlib.Path(folder)
                write(root, broken)
                caught = lint.check(root, [rule])[rule.__name__]
                write(root, mended)
                left = lint.check(root, [rule])[rule.__name__]
            if caught and not left:
                passed += 1
                continue
            failed += 1
            print(f"FAIL lint rule {rule.__name__}, {what}: " + (f"complains without a cause: {left}" if caught else "not caught"))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
