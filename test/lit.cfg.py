"""How lit runs the tests. The rooms under test/ are named after the question they ask; a file is a test by its suffix."""

import os
import platform
import shutil

import lit.formats

config.name = "nnc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".nn", ".mlir", ".test", ".py"]
config.excludes = ["Inputs", "reference", "bench", "expect.py", "lint.py", "lint_test.py", "lit.cfg.py", "CMakeLists.txt"]
config.test_source_root = os.path.join(config.source_root, "test")
config.test_exec_root = os.path.join(config.build_root, "test")

if config.sanitize:
    # libMLIR is not instrumented: what a phase does with it is tested in the release build.
    rooms = [d for d in os.listdir(config.test_source_root) if os.path.isdir(os.path.join(config.test_source_root, d))]
    config.excludes += [room for room in rooms if room not in ("runtime", "language", "diagnostics")]
    config.available_features.add("asan")
    # Nor may LLVM's allocators poison what they hand out: functions of one that are inlined here would do it, those in
    # libMLIR would not undo it.
    options = ["detect_container_overflow=0", "detect_leaks=0", "abort_on_error=1", "allow_user_poisoning=0"]
    config.environment["ASAN_OPTIONS"] = ":".join(options)
    config.environment["UBSAN_OPTIONS"] = "print_stacktrace=1"

# The tools of this build first, then LLVM's FileCheck, not, split-file, count.
tools = os.path.join(config.build_root, "bin")
config.environment["PATH"] = os.pathsep.join([tools, config.llvm_tools, os.environ.get("PATH", "")])
# The tests state their own threads and see nobody's settings.
for name in ("NNC_THREADS", "NNC_WORK_PER_THREAD", "LC_ALL", "LANG"):
    config.environment.pop(name, None)
config.environment["LC_ALL"] = "C.UTF-8"

sanitizers = " -fsanitize=address,undefined" if config.sanitize else ""
runtime = " -I" + os.path.join(config.source_root, "runtime", "include")
config.substitutions += [
    ("%nnc-opt", os.path.join(tools, "nnc-opt")),
    ("%nnc", os.path.join(tools, "nnc")),
    ("%runner", os.path.join(tools, "runner")),
    ("%python", config.python),
    ("%{cc}", config.cc),
    ("%{cxx}", config.cxx),
    ("%cc", config.cc + " -std=c99 -Wall -Wextra -Werror" + runtime + sanitizers),
    ("%cxx", config.cxx + " -std=c++20 -Wall -Wextra -Werror" + runtime + sanitizers),
    ("%examples", os.path.join(config.source_root, "examples")),
    ("%source", config.source_root),
    ("%build", config.build_root),
]


def processor_flags():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            for line in info:
                if line.startswith("flags"):
                    return set(line.split(":", 1)[1].split())
    except OSError:
        pass
    return set()


# What this machine can execute; a test that needs it says `REQUIRES: avx512`.
flags = processor_flags()
if {"avx2", "fma"} <= flags:
    config.available_features.add("avx2")
if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags:
    config.available_features.add("avx512")
if "avx512_bf16" in flags:
    config.available_features.add("avx512bf16")
config.available_features.add(platform.machine())
if shutil.which("valgrind"):
    config.available_features.add("valgrind")
