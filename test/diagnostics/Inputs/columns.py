"""Where the caret stands under unusual lines. Usage: columns.py NNC FOLDER"""

import pathlib
import subprocess
import sys
import unicodedata

nnc, folder = sys.argv[1], pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)


def width(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def message(text):
    (folder / "case.nn").write_bytes(text.encode("utf-8"))
    done = subprocess.run([nnc, "--emit=tree", "case.nn"], cwd=folder, capture_output=True)
    assert done.returncode == 1, done
    return done.stderr.decode("utf-8").splitlines()


def check(line, before, word):
    """The error is at `word`, which stands behind `before` on the line."""
    place, shown, caret = message(line)[:3]
    assert place.startswith(f"case.nn:{1 + line[:line.index(word)].count(chr(10))}:{len(before) + 1}: error["), place
    assert "\r" not in shown, repr(shown)
    at = caret.index("^")
    assert caret.count("^") == len(word), caret
    # The caret stands as many columns from the left as the word in the line above.
    column = 0
    for i, c in enumerate(shown):
        if column == at:
            assert shown[i:].startswith(word), (shown, caret)
            return shown
        column += width(c)
    raise AssertionError((shown, caret))


check("fn f(x) { nowhere }\n", "fn f(x) { ", "nowhere")
check("fn f(x) {\r\n  x + nowhere\r\n}\r\n", "  x + ", "nowhere")
assert "\t" not in check("fn f(x) {\n\tx\t+ nowhere\n}\n", "\tx\t+ ", "nowhere")
check('import "a\u00e9.nn"; fn f(x) { nowhere.x }\n'.replace('import "a\u00e9.nn"; ', ""), "fn f(x) { ", "nowhere")
# Wide and combining characters before the place, inside a string.
bad = 'train M(x) { freeze "\u6f22\u5b57e\u0301"; nowhere nowhere nowhere nowhere }\n'
place, shown, caret = message(bad)[:3]
assert place.startswith(f"case.nn:1:{bad.index('nowhere nowhere nowhere nowhere') + len('nowhere nowhere nowhere ') + 1}:"), place
assert width(shown[: shown.rindex("nowhere")]) == caret.index("^"), (shown, caret)
# 100 kB in one line.
shown = check("fn f(x) { " + "x + " * 9000 + "nowhere" + " + x" * 900 + " }\n", "fn f(x) { " + "x + " * 9000, "nowhere")
assert len(shown) < 140 and shown.count("...") == 2, shown
# What a terminal would obey is shown, not sent.
for text, expected in (("\x1b[31m", "\\u{1b}"), ("\u202e", "\\u{202e}"), ("\x00", "\\u{0}"), ("\u200b", "\\u{200b}")):
    lines = message("// " + text + "\n" if text != "\u200b" else "fn f" + text + "(x) { x }\n")
    assert expected in lines[1] and text not in "".join(lines), lines
print("all right")
