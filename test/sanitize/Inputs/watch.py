"""Trains a lesson for a few steps while somebody watches: watch.py WATCHER LESSON FOLDER STEPS

WATCHER: address (with leaks) and thread are LLVM's sanitizers, in the lesson's program, the runtime and the code that nnc
generates alike; memcheck is valgrind, on a library as users have it.

What is seen: every access of generated code, but not that one tensor is taken for another in the same allocation, nor the
end of a slab of a megabyte and more, which is a mapping. Races: all accesses that a barrier or the team's turns do not put
in an order.

The lesson's own `run` does the work. This file stands in for the two programs that it calls: as `nnc` it makes a library
that is watched, as `cc` a program that is.
"""

import os
import pathlib
import subprocess
import sys

STATUS = 99  # what a watched program gives back if it has been caught
# The thread sanitizer sees no access that is wider than 16 bytes. Valgrind takes minutes for products that are fused with
# their sums.
CPU = {"address": [], "thread": ["--cpu=x86-64-v2"], "memcheck": ["--cpu=sandybridge"]}
VALGRIND = ["valgrind", "-q", "--fair-sched=try", f"--error-exitcode={STATUS}", "--leak-check=full", "--errors-for-leak-kinds=definite,possible"]


def compile_model(watcher, arguments):
    real, cc, runtime = (os.environ[name] for name in ("WATCH_NNC", "WATCH_CC", "WATCH_RUNTIME"))
    library = arguments[-1]  # run calls nnc .. -o LIBRARY
    subprocess.run([real, *CPU[watcher], *arguments], check=True)  # the header as well
    if watcher == "memcheck":
        return
    code = library + ".o"
    subprocess.run([real, *CPU[watcher], f"--sanitize={watcher}", "--emit=obj", *arguments[:-1], code], check=True)
    archive = f"{runtime}/libnnc_runtime_{watcher}.a"
    whole = ["-Wl,--whole-archive", archive, "-Wl,--no-whole-archive", "-lm"]
    subprocess.run([cc, "-shared", "-nostdlib++", f"-fsanitize={watcher}", code, *whole, "-o", library], check=True)


def compile_program(watcher, arguments):
    cc = os.environ["WATCH_CC"]
    if watcher != "memcheck":
        subprocess.run([cc, "-g1", f"-fsanitize={watcher}", "-fno-omit-frame-pointer", *arguments], check=True)
        return
    program = arguments[-1]  # run calls cc .. -o PROGRAM
    subprocess.run([cc, "-gdwarf-4", *arguments[:-1], program + ".watched"], check=True)
    script = f'#!/bin/sh\nexec {" ".join(VALGRIND)} "{program}.watched" "$@"\n'
    pathlib.Path(program).write_text(script, encoding="utf-8")
    os.chmod(program, 0o755)


def stand_in(folder, name, watcher):
    path = folder / name
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{os.path.abspath(__file__)}" as-{name} {watcher} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def main():
    watcher, lesson, folder, steps = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), sys.argv[4]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "curve.csv").unlink(missing_ok=True)
    cc = stand_in(folder, "cc", watcher)
    stand_in(folder, "nnc", watcher)
    environment = dict(
        os.environ,
        CC=cc,
        PATH=f"{folder}:{os.environ['PATH']}",
        # More threads than most machines of a test give: they take turns in every order. Every call takes all of them.
        NNC_THREADS="3",
        NNC_WORK_PER_THREAD="0",
        ASAN_OPTIONS=f"exitcode={STATUS}:detect_leaks=1:detect_stack_use_after_return=1",
        LSAN_OPTIONS=f"exitcode={STATUS}",
        TSAN_OPTIONS=f"exitcode={STATUS}",
    )
    done = subprocess.run([lesson / "run", folder, steps], env=environment, capture_output=True, text=True, errors="replace", check=False)
    # After so few steps a lesson has not learnt what it should: it may say so (1). But it has come to its end.
    curve = folder / "curve.csv"
    lines = len(curve.read_text(encoding="utf-8").splitlines()) if curve.exists() else 0
    if done.returncode not in (0, 1) or lines != int(steps) + 1 or "WARNING: " in done.stderr or "ERROR: " in done.stderr:
        sys.exit(f"{lesson.name} under {watcher}: status {done.returncode}, {lines} lines of its curve\n{done.stdout}{done.stderr}")
    print(f"{lesson.name}: clean")


if sys.argv[1] == "as-nnc":
    compile_model(sys.argv[2], sys.argv[3:])
elif sys.argv[1] == "as-cc":
    compile_program(sys.argv[2], sys.argv[3:])
else:
    main()
