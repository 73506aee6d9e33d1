"""Speed of compiled models beside other libraries, in one process, in one run.

A bench is a file of this folder with a function `contests()` that yields `Contest`s. A contest compiles a program, hands
the same numbers to the library and to its peers, compares what they give, and only then takes times: the contenders take
turns, and what counts is the ratio of their times within a round.

Usage: peers.py NNC [--threads=N] [--rounds=N] [--smoke] [TEXT...]    only contests whose title has all of these in it
"""

import ctypes
import dataclasses
import importlib
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import torch

TYPES = {
    "f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16,
    "i64": torch.int64, "i32": torch.int32, "i8": torch.int8, "bool": torch.bool,
}  # fmt: skip
CODES = list(TYPES)  # nn_type


class Library:
    """A compiled model, called through its C functions by what its manifest says."""

    def __init__(self, path, manifest, threads):
        self.c = ctypes.CDLL(str(path))
        self.about = manifest["models"][0]
        self.prefix = self.about["prefix"]
        self.entries = {e["name"]: e for e in self.about["entries"]}
        self.model, self.context = ctypes.c_void_p(), ctypes.c_void_p()
        self.error, self.context_error = self.function("error"), self.function("context_error")
        self.error.restype = self.context_error.restype = ctypes.c_char_p
        self.check(self.function("create")(ctypes.byref(self.model), ctypes.c_uint64(1)))
        self.invoke = self.function("call")
        self.make_context = self.function("context_create")
        self.threads = threads

    def start(self, *state_sizes):
        sizes = [ctypes.c_int64(n) for n in state_sizes]
        self.check(self.make_context(ctypes.byref(self.context), self.model, *sizes, ctypes.c_uint64(1)))
        self.check(self.function("context_set_threads")(self.context, ctypes.c_int32(self.threads)))

    def function(self, name):
        return getattr(self.c, f"{self.prefix}_{name}")

    def check(self, status):
        if status:
            text = self.context_error(self.context) if self.context else self.error(self.model)
            raise RuntimeError(f"{self.prefix}: status {status}: {(text or b'').decode()}")

    def set(self, state):
        """Parameters from a state_dict of the same names; all of them must be there."""
        missing = []
        for p in self.about["parameters"]:
            for path in copies(p["path"], p.get("repeats", [])):
                value = state.get(path)
                if value is None:
                    missing.append(path)
                    continue
                value = value.detach().to(TYPES[p["type"]]).contiguous()
                shape = (ctypes.c_int64 * max(1, value.dim()))(*value.shape)
                self.check(self.function("set")(
                    self.model, path.encode(), ctypes.c_void_p(value.data_ptr()), CODES.index(p["type"]), shape, value.dim()))  # fmt: skip
        if missing:
            raise RuntimeError(f"no values for {', '.join(missing)}")

    def bind(self, entry, sizes, inputs):
        """A function without arguments that makes the call, and its outputs."""
        if not self.context:
            self.start()
        keep, outputs = [], []
        arguments = self.entries[entry]["arguments"]
        vector = (ctypes.c_void_p * len(arguments))()
        for i, a in enumerate(arguments):
            if a["kind"] == "size":
                box = ctypes.c_int64(sizes[a["name"]])
                keep.append(box)
                vector[i] = ctypes.addressof(box)
            elif a["kind"] == "output":
                shape = [int(eval(d.replace("/", "//"), {}, sizes)) for d in a["shape"]]
                outputs.append(torch.full(shape, 7, dtype=TYPES[a["type"]]))
                vector[i] = outputs[-1].data_ptr()
            elif a["kind"] == "graph":
                graph = inputs[a["name"]]
                keep.append(graph)
                vector[i] = graph.handle.value
            else:
                value = inputs.get(a["name"])
                if value is not None:
                    value = torch.as_tensor(value, dtype=TYPES[a["type"]]).contiguous()
                    keep.append(value)
                    vector[i] = value.data_ptr()
        name = entry.encode()

        def call(keep=keep):
            status = self.invoke(self.context, name, vector)
            if status:
                self.check(status)

        return call, outputs

    def graph(self, sources, targets, source, target):
        return Graph(self.c, sources, targets, source, target)


class Graph:
    def __init__(self, c, sources, targets, source, target):
        self.handle = ctypes.c_void_p()
        source, target = source.to(torch.int64).contiguous(), target.to(torch.int64).contiguous()
        status = c.nn_graph_create(
            ctypes.byref(self.handle), ctypes.c_int64(sources), ctypes.c_int64(targets), ctypes.c_int64(source.numel()),
            ctypes.c_void_p(source.data_ptr()), ctypes.c_void_p(target.data_ptr()))  # fmt: skip
        if status:
            raise RuntimeError(f"nn_graph_create: status {status}")


def copies(path, repeats):
    """The names of a parameter's copies, in order: "h.#.weight" is "h.0.weight", "h.1.weight", .."""
    paths = [path]
    for r in repeats:
        paths = [p.replace("#", str(n), 1) for p in paths for n in range(r["first"], r["first"] + r["copies"])]
    return paths


@dataclasses.dataclass
class Contest:
    """`program` is the text of a model. `peers`: name and a function without arguments that returns one tensor or several,
    which are compared with the entry's outputs. `parameters`: a state_dict."""

    title: str
    program: str
    sizes: dict
    inputs: dict
    parameters: dict
    peers: dict[str, Callable]
    entry: str = "forward"
    options: tuple = ()
    states: tuple = ()  # sizes of states
    tolerance: float = 1e-4  # of the largest element
    imports: tuple = ()  # files that the program imports by their names


def compile_program(nnc, contest, folder):
    source, path = folder / "model.nn", folder / "model.so"
    source.write_text(contest.program)
    for path_of_import in contest.imports:
        shutil.copy(path_of_import, folder)
    command = [nnc, source, "--inference", *contest.options, "-o", path]
    subprocess.run(command, check=True)
    manifest = subprocess.run([nnc, f"--manifest={path}"], check=True, capture_output=True).stdout
    return path, json.loads(manifest)


def compare(title, name, ours, theirs, tolerance):
    theirs = theirs if isinstance(theirs, (tuple, list)) else (theirs,)
    for i, (a, b) in enumerate(zip(ours, theirs)):
        if b is None:
            continue
        b = b.detach().reshape(a.shape)
        largest = b.abs().max().item() if b.numel() else 0
        difference = (a.to(b.dtype) - b).abs().max().item() if b.numel() else 0
        if not difference <= tolerance * largest and not difference == 0:
            sys.exit(f"{title}: output {i} differs from {name} by {difference:.3g}, the largest element is {largest:.3g}")


def now():
    """One thread's own time, or everybody's."""
    return time.thread_time() if torch.get_num_threads() == 1 else time.perf_counter()


def repetitions(run, turn):
    run()
    start = now()
    run()
    return max(1, int(turn / max(1e-7, now() - start)))


def take_turn(run, runs):
    time.sleep(0.003)  # threads of the turn before may still spin
    run()
    start = now()
    for _ in range(runs):
        run()
    return (now() - start) / runs


def stolen():
    """Time that the hypervisor gave to others, in seconds."""
    with open("/proc/stat", encoding="ascii") as stat:
        return int(stat.readline().split()[8]) / os.sysconf("SC_CLK_TCK")


def quantile(values, q):
    values = sorted(values)
    return values[int(q * (len(values) - 1) + 0.5)]


def text_of(seconds):
    return f"{seconds * 1e6:9.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:9.2f} ms"


def run_contest(contest, nnc, threads, rounds):
    with tempfile.TemporaryDirectory(prefix="nnc-peers-") as folder:
        library = Library(*compile_program(nnc, contest, pathlib.Path(folder)), threads)
        library.set(contest.parameters)
        library.start(*contest.states)
        inputs = {k: library.graph(*v) if isinstance(v, tuple) else v for k, v in contest.inputs.items()}
        ours, outputs = library.bind(contest.entry, contest.sizes, inputs)
        with torch.inference_mode():
            ours()
            for name, peer in contest.peers.items():
                compare(contest.title, name, outputs, peer(), contest.tolerance)
            if rounds:
                measure(contest, ours, rounds)
            else:
                print(f"{contest.title}: the same results")


def measure(contest, ours, rounds):
    contenders = {"nnc": ours, **contest.peers}
    runs = {name: repetitions(run, 0.02) for name, run in contenders.items()}
    times = {name: [] for name in contenders}
    dropped = 0
    while len(times["nnc"]) < rounds and dropped < 3 * rounds:
        before, start = stolen(), time.perf_counter()
        turn = {name: take_turn(run, runs[name]) for name, run in contenders.items()}
        if stolen() - before > 0.01 * (time.perf_counter() - start) + 0.011:
            dropped += 1
            continue
        for name, seconds in turn.items():
            times[name].append(seconds)
    print(contest.title + (f" ({dropped} rounds dropped: stolen time)" if dropped else ""))
    for name, all_times in times.items():
        if not all_times:
            return
        ratios = [t / o for t, o in zip(all_times, times["nnc"])]
        line = f"  {name:24}{text_of(statistics.median(all_times))}"
        if name != "nnc":
            quartiles = " .. ".join(f"{quantile(ratios, q):.2f}" for q in (0.25, 0.75))
            line += f"   nnc is {statistics.median(ratios):.2f} times as fast ({quartiles})"
        print(line, flush=True)


def main():
    words, rounds, threads = [], 31, len(os.sched_getaffinity(0))
    nnc, *rest = sys.argv[1:]
    for word in rest:
        if word.startswith("--rounds="):
            rounds = int(word[9:])
        elif word.startswith("--threads="):
            threads = int(word[10:])
        elif word == "--smoke":  # results only
            rounds = 0
        else:
            words.append(word)
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    print(f"PyTorch {torch.__version__}, {threads} threads, {rounds} rounds")
    here = pathlib.Path(__file__).resolve().parent
    for path in sorted(here.glob("*.py")):
        if path.stem == "peers":
            continue
        for contest in importlib.import_module(path.stem).contests():
            if all(w in contest.title for w in words):
                run_contest(contest, nnc, threads, rounds)


if __name__ == "__main__":
    sys.modules["peers"] = sys.modules["__main__"]  # the benches import it by its name
    main()
