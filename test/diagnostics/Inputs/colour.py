"""Runs nnc with standard error on a terminal, and not. Usage: colour.py NNC FILE"""

import os
import pathlib
import pty
import subprocess
import sys

nnc, path = sys.argv[1], pathlib.Path(sys.argv[2])
path.write_text("fn f(x) { nowhere }\n")


def run(terminal, **environment):
    settings = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm-256color"} | environment
    master, slave = pty.openpty() if terminal else os.pipe()
    done = subprocess.Popen([nnc, "--emit=tree", str(path)], stderr=slave if terminal else slave, env=settings)
    os.close(slave)
    text = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:  # a terminal whose other end is closed
            break
        if not piece:
            break
        text += piece
    os.close(master)
    assert done.wait() == 1
    assert b"error" in text and b"nowhere" in text, text
    return b"\x1b[" in text


assert run(True)
assert not run(True, NO_COLOR="1")
assert run(True, NO_COLOR="")
assert not run(True, TERM="dumb")
assert not run(False)
print("all right")
