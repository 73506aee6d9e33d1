"""check.py NNC RUNNER PROGRAM.nn OUTPUT TYPE...: compiles a program and compares what it computes with PROGRAM.expect.

Each working type is compiled for this machine's processor; f32 also for x86-64-v3, so that the narrower vectors are tested
on a machine with wider ones (not grad_layers*.nn: what layers are made of is tested there by itself). Programs of
derivatives, grad*.nn, have them compared with central differences as well, in f64.
"""

import pathlib
import subprocess
import sys

import differences

nnc, runner, program, output, *types = sys.argv[1:]
wide = "avx512f" in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")

for working in types:
    narrow = wide and working == "f32" and not pathlib.Path(program).stem.startswith("grad_layers")
    for cpu in ["host", "x86-64-v3"] if narrow else ["host"]:
        library = f"{output}.{working}.{cpu}.so"
        options = ["--verify-each", f"--float={working}"] + ([f"--cpu={cpu}"] if cpu != "host" else [])
        source, compared = program, []
        if working == "f64" and pathlib.Path(program).stem.startswith("grad"):
            source, pairings = f"{output}.values.nn", f"{output}.pairings"
            differences.write(pathlib.Path(program), source, pairings)
            compared = [f"--differences={pairings}"]
        for command in (
            [nnc, source, "-o", library, *options],
            [runner, library, str(pathlib.Path(program).with_suffix(".expect")), f"--float={working}", *compared],
        ):
            print("$", " ".join(command), flush=True)
            if code := subprocess.run(command).returncode:
                sys.exit(f"exit status {code}")
