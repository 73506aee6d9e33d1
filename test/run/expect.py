#!/usr/bin/env python3
"""Computes the expected values of the programs in test/run by PyTorch in f64 and writes NAME.expect beside NAME.nn.

Usage: expect.py [NAME...] (all without names). README.md in this folder describes the file.
"""

import importlib
import math
import pathlib
import sys
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

try:
    import numpy as np
    import torch
except ImportError as missing:
    sys.exit(f"expect.py: {missing}; expected values are computed by PyTorch: pip install torch numpy")

import formula
import program

# Relative spacing of numbers, and how many of them a result may be off by at least. In bf16 a result is rounded once or
# twice. An f64 result is compared with values that PyTorch computed in f64 too: both err.
EPSILON = {"f32": 2.0**-23, "f64": 2.0**-52, "bf16": 2.0**-7, "f16": 2.0**-10}
ULPS = {"f32": 4, "f64": 8, "bf16": 2, "f16": 2}
NORMAL = {"f32": 2.0**-126, "f64": 2.0**-1022, "bf16": 2.0**-126, "f16": 2.0**-14}  # the smallest; below, all are equally far apart


def row_maximum(x, rows):
    """The largest finite magnitude of each element's row, for every element."""
    x = np.where(np.isfinite(x), np.abs(x), 0)
    if rows == "element" or x.size == 0 or x.ndim == 0:
        return x
    if rows == "all":
        return np.full_like(x, x.max())
    return np.broadcast_to(x.max(-1, keepdims=True), x.shape)


def ulp(x, working):
    return 2.0 ** np.floor(np.log2(np.maximum(x, NORMAL[working]))) * EPSILON[working]


def tolerances(truth, measured, working, reference, least=0):
    """max(2 x PyTorch's own error, some ulp of the row's largest magnitude), element by element; 0 for exact results.
    `least`: an error of PyTorch's that is known already."""
    if reference.exact:
        return np.zeros_like(truth)
    rows = reference.row
    with np.errstate(invalid="ignore"):
        error = np.abs(measured - truth)
    error = np.maximum(row_maximum(np.where(np.isfinite(error), error, 0), rows), least)
    factor = 4 * 2.0**-29 if working == "f64" else 2  # its error was measured in f32
    return np.maximum(factor * error, ULPS[working] * ulp(row_maximum(truth, rows), working))


def sample_indices(size, samples):
    if size <= samples:
        return list(range(size))
    inner = formula.bits(formula.key_of("samples"), samples - 2) % np.uint64(size - 2) + np.uint64(1)
    return sorted({0, size - 1, *map(int, inner)})


def float_lines(name, working, truth, measured, reference, samples, least=0, word="out"):
    """The lines of one float output: `truth` in f64, `measured` as PyTorch computes it in the working type."""
    rounded = torch.tensor(truth).to(program.TYPES[working]).to(torch.float64).numpy()
    if reference.exact:
        truth = rounded
    truth = np.where(np.isfinite(rounded), truth, rounded)  # what overflows the type is infinite there
    tolerance = tolerances(truth, measured, working, reference, least)
    finite = np.isfinite(truth)
    digits = 17 if working == "f64" or reference.exact else 10
    sums = []
    for key in ("first", "second"):
        weights = 2 * formula.unit(formula.key_of(key), truth.size).reshape(truth.shape) - 1
        terms = (weights * np.where(finite, truth, 0)).ravel()
        # Independent errors of each element's tolerance, and the rounding of the terms themselves.
        spread = 4 * math.hypot(*(weights * np.where(finite, tolerance, 0)).ravel()) + 2e-16 * math.fsum(np.abs(terms))
        sums += [f"{math.fsum(terms):.{min(digits + 2, 17)}g}", f"{spread:.3g}"]
    infinite = f"{np.isnan(truth).sum()} {np.isposinf(truth).sum()} {np.isneginf(truth).sum()}"
    yield f"{word} {name} {working} {shape_text(truth.shape)} {infinite} sums {' '.join(sums)}"
    flat, allowed = truth.ravel(), tolerance.ravel()
    for i in sample_indices(truth.size, samples):
        yield f" {i} {flat[i]:.{digits}g} {allowed[i]:.3g}"


def integer_lines(name, type_name, truth, samples, word="out"):
    flat = truth.astype(np.int64).ravel()
    sums = []
    for key in ("first", "second"):
        with np.errstate(over="ignore"):
            sums.append(int((formula.bits(formula.key_of(key), flat.size) * flat.view(np.uint64)).sum(dtype=np.uint64)))
    yield f"{word} {name} {type_name} {shape_text(truth.shape)} {sums[0]} {sums[1]}"
    for i in sample_indices(flat.size, samples):
        yield f" {i} {flat[i]}"


def shape_text(shape):
    return "[" + ",".join(str(d) for d in shape) + "]"


class Writer:
    """Writes the cases of one program."""

    def __init__(self, name, cls):
        self.name, self.cls = name, cls
        self.model, self.settings, self.entries = program.read_program(HERE / f"{name}.nn")
        self.parameters = {}

    def text(self):
        cases = []
        for working in self.cls.types:
            chosen = [c for c in self.cls.cases if working != "f64" or c.entry not in self.cls.only_f32]
            if working != "f32" and len(chosen) > 6:  # boundary sizes are the same code in all types
                chosen = [c for i, c in enumerate(chosen) if i % 4 == 3 or c.inputs or c.fails]
            for case in chosen:
                cases += self.case(working, case)
        head = [f"# Written by expect.py from reference/{self.cls.__module__}.py", f"model {self.model}"]
        head += [f"param {path} {kind}" for path, kind in sorted(self.parameters.items())]
        return "\n".join(head + cases) + "\n"

    def concrete(self, type_name, working):
        if type_name == "loss":
            return "f64" if working == "f64" else "f32"
        return working if type_name == "float" else type_name

    def default(self, argument):
        if argument.type == "bool":
            return formula.integers(0, 2)
        return formula.integers(0, 10) if argument.type.startswith("i") else formula.uniform(-2, 2)

    def case(self, working, case):
        """A call, and those that follow on the same context: the references keep what they keep from call to call."""
        instances, self.worst = {}, {}
        for number, step in enumerate((case, *case.then)):
            step.context = case.context
            yield from self.call(working, step, instances, "then" if number else "case", number)
        if any(self.entries[step.entry].train for step in (case, *case.then)):
            yield from self.after(working, case, instances)

    def call(self, working, case, instances, word, number):
        entry = self.entries[case.entry]
        free = [n for n in entry.free() if n not in case.context]
        if set(free) != set(case.sizes):
            sys.exit(f"expect.py: {self.name}.{case.entry} has the sizes {free}, the case gives {case.sizes}")
        names = {**self.settings, **case.context, **case.sizes}
        context = ["context", *(f"{n}={v}" for n, v in case.context.items())] if case.context and word == "case" else []
        yield " ".join([word, working, case.entry, *(f"{n}={case.sizes[n]}" for n in entry.given() if n in free), *context])
        inputs = []
        for argument in entry.arguments:
            if argument.type == "graph":
                kind = case.inputs.get(argument.name) or self.cls.inputs.get(argument.name) or formula.random
                sizes = [program.evaluate(d, names) for d in program.graph_sizes(argument)]
                yield f"graph {argument.name} {' '.join(map(str, sizes))} {kind}"
                inputs.append(program.Graph(kind, argument.name, *sizes))
                continue
            kind = case.inputs.get(argument.name) or self.cls.inputs.get(argument.name) or self.default(argument)
            shape = [program.evaluate(d, names) for d in argument.dims]
            type_name = self.concrete(argument.type, working)
            name = f"{argument.name}.{number}" if entry.train else argument.name  # each step has a batch of its own
            yield f"in {name} {type_name} {shape_text(shape)} {kind}"
            inputs.append(None if kind.name == "absent" else program.tensor(kind, name, shape, program.TYPES[type_name]))
        if case.fails:
            yield f"fails {case.fails[0]} {case.fails[1]}"
            for result in entry.results if case.fails[0] != program.NUMERIC else []:
                shape = [1 if d == "_" else program.evaluate(d, names) for d in result.dims]  # nothing is written
                yield f"out {result.name} {self.concrete(result.type, working)} {shape_text(shape)}"
            if case.fails[0] != program.NUMERIC:  # loss and metrics are written
                return
        truth = self.run(torch.float64, working, case, inputs, instances)
        # An f64 result's error is the one PyTorch makes in f32 on the same values, scaled.
        measured_type = "f32" if working == "f64" else working
        rounded = [self.round(x, measured_type) for x in inputs]
        measured = self.run(program.TYPES[measured_type], measured_type, case, rounded, instances)
        base = self.run(torch.float64, measured_type, case, rounded, instances) if working == "f64" else truth
        self.pool = self.largest = 0
        if self.cls.pooled:
            runs = [[*results[1:], *instances[dtype, at].weights.values()] for results, dtype, at in self.runs(working, truth, measured, base)]
            self.pool = max(map(self.relative, *runs), default=0)
            self.largest = max((float(x.abs().max()) for x in runs[0] if x.numel()), default=0)
        for result, t, m, b in zip(entry.results, truth, measured, base, strict=True):
            if t is None:
                yield f"out {result.name} {self.concrete(result.type, working)} [] unchecked"
                continue
            declared = [program.evaluate(d, names) for d in result.dims if d not in ("_", "...")]
            if "..." not in result.dims and "_" not in result.dims and list(t.shape) != declared:
                sys.exit(f"expect.py: {self.name}.{case.entry}: {result.name} is {list(t.shape)}, declared {declared}")
            type_name = self.concrete(result.type, working)
            if program.TYPES[type_name].is_floating_point:
                t, m, b = (x.detach().to(torch.float64).numpy() for x in (t, m, b))
                with np.errstate(invalid="ignore"):
                    m = t + (m - b)
                least = self.worse(result.name, t, m) if entry.train else 0
                least = max(least, self.pool * self.scale(torch.tensor(t)))
                yield from float_lines(result.name, type_name, t, m, self.cls, case.samples, least)
            else:
                yield from integer_lines(result.name, type_name, t.numpy(), case.samples)

    def runs(self, working, truth, measured, base):
        """With the element types that they were computed in and rounded to."""
        measured_type = "f32" if working == "f64" else working
        return (truth, torch.float64, working), (measured, program.TYPES[measured_type], measured_type), (base, torch.float64, measured_type)

    def scale(self, x):
        """The largest number in a tensor, or, as few of them may be what is left of large ones, in any."""
        return float(x.detach().abs().max()) if x.numel() >= 8 else self.largest

    def relative(self, truth, measured, base):
        """PyTorch's error, as a part of the tensor's largest number, in a tensor that has enough of them to show it."""
        t, m, b = (x.detach().to(torch.float64) for x in (truth, measured, base))
        return float((m - b).abs().max() / t.abs().max()) if t.numel() >= 8 and t.abs().max() > 0.01 else 0.0

    def worse(self, name, truth, measured):
        """PyTorch's largest error in this result so far: errors of a run add up, and may cancel out for once."""
        with np.errstate(invalid="ignore"):
            error = np.abs(measured - truth)
        self.worst[name] = max(self.worst.get(name, 0), np.where(np.isfinite(error), error, 0).max(initial=0))
        return self.worst[name]

    def after(self, working, case, instances):
        """Parameters and buffers, as training has left them."""
        runs = [instances[dtype, at] for _, dtype, at in self.runs(working, None, None, None)]
        yield from self.stored(working, case, [r.weights for r in runs], "after")
        yield from self.stored(working, case, [r.averages for r in runs], "averaged")

    def stored(self, working, case, runs, word):
        truth, measured, base = runs
        for path in sorted(truth):
            t, m, b = (x[path].detach().to(torch.float64).numpy() for x in (truth, measured, base))
            if truth[path].dtype.is_floating_point:
                least = self.pool * self.scale(truth[path])
                yield from float_lines(path, working, t, t + (m - b), self.cls, case.samples, least, word)
            else:
                yield from integer_lines(path, "i64", truth[path].numpy(), case.samples, word)

    def round(self, x, working):
        return x.to(program.TYPES[working]) if torch.is_tensor(x) and x.dtype == torch.float64 else x

    def run(self, dtype, working, case, inputs, instances):
        """The entry in `dtype` on inputs and parameters that were rounded to `working`."""
        instance = instances.setdefault((dtype, working), self.cls(dtype))
        instance.stored, instance.sizes = program.TYPES[working], {**case.context, **case.sizes}
        stored = program.TYPES[working]
        given = [x.to(dtype) if torch.is_tensor(x) and x.dtype == stored else x for x in inputs]
        results = getattr(instance, case.entry)(*given)
        self.parameters.update(instance.drawn)
        return results if isinstance(results, tuple) else (results,)


def references():
    """{program's name: reference}"""
    found = {}
    sys.path.insert(0, str(HERE / "reference"))
    for path in sorted((HERE / "reference").glob("*.py")):
        module = importlib.import_module(path.stem)
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, program.Program) and cls.__module__ == path.stem and cls.cases:
                found[cls.__name__.rstrip("_")] = cls
    return found


def main():
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    known = references()
    names = [pathlib.Path(n).stem for n in sys.argv[1:]] or sorted(known)
    for name in names:
        if name not in known:
            sys.exit(f"expect.py: there is no reference for {name} in {HERE / 'reference'}")
        (HERE / f"{name}.expect").write_text(Writer(name, known[name]).text())
        print(name)


if __name__ == "__main__":
    main()
