"""Reductions and the operations on rows that are made of them."""

import math

import numpy as np
import torch

from program import FEW, SIZES, Case, Program, grid, integers, uniform, values, vary

INF, NAN = float("inf"), float("nan")
PAIRS = vary({"M": 5, "N": 17}, M=FEW, N=SIZES)
TRIPLES = [{"A": a, "M": m, "N": n} for a, m, n in ((1, 1, 1), (3, 5, 7), (2, 17, 16), (4, 1, 33))]
LONG = [{"A": 40009, "M": 2, "N": 3}]
NOTHING = [{"A": a, "M": m, "N": n} for a, m, n in ((0, 5, 7), (3, 0, 7), (3, 5, 0))]
BIG = [{"M": 3, "N": 5003}, {"M": 2003, "N": 5}, {"M": 3, "N": 100003}, {"M": 100003, "N": 3}]


def reduction(name, function, kind, more=(), empty=True, extra=None):
    """function(x, axes, keep) over every combination of axes. Without `empty` nothing to reduce is an error."""

    def cases_of(entry, sizes, over):
        for s in sizes:
            bad = not empty and any(s[d] == 0 for d in over) and all(s[d] for d in s if d not in over)
            yield Case(entry, s, fails=(1, "")) if bad else Case(entry, s)

    class Reduction(Program):
        inputs = {"x": kind}
        cases = [
            *cases_of("forward", PAIRS + BIG, "N"),
            *cases_of("columns", vary({"M": 5, "N": 17}, M=SIZES, N=FEW) + BIG, "M"),
            *cases_of("whole", [{"M": m, "N": n} for m, n in ((1, 1), (7, 33), (0, 5), (201, 499))], "MN"),
            *cases_of("middle", TRIPLES + NOTHING, "M"),
            *cases_of("outer", TRIPLES + NOTHING + LONG, "AN"),
            *cases_of("kept", TRIPLES + NOTHING, "MN"),
            *more,
        ]

        def forward(self, x):
            return function(x, (-1,), False)

        def columns(self, x):
            return function(x, (0,), False)

        def whole(self, x):
            return function(x, tuple(range(x.dim())), False)

        def middle(self, x):
            return function(x, (1,), False)

        def outer(self, x):
            return function(x, (0, -1), False)

        def kept(self, x):
            return function(x, (1, 2), True)

    Reduction.__name__ = name
    for key, method in (extra or {}).items():
        setattr(Reduction, key, method)
    return Reduction


def rows(entry, *kinds):
    return [Case(entry, {"M": m, "N": n}, {"x": k}) for k in kinds for m, n in ((0, 3), (3, 1), (7, 33), (3, 130))]


def whole_sum(self, x):
    return x.to(torch.int64).sum(-1)


sum = reduction(
    "sum", lambda x, axes, keep: x.sum(axes, keepdim=keep), uniform(-1, 3),
    rows("integers", integers(-(2**52), 2**52)) + rows("bytes", integers(-128, 128)) + rows("truth", values(0, 1, 2, 255, 0))
    + [Case("forward", {"M": 3, "N": 4}, {"x": values(1, INF, 2, 3, INF, -INF, 0, 1, NAN, 1, 1, 1)})],
    extra={"integers": whole_sum, "bytes": whole_sum, "truth": whole_sum},
)  # fmt: skip
mean = reduction(
    "mean", lambda x, axes, keep: x.mean(axes, keepdim=keep), uniform(-1, 3),
    rows("truth", values(0, 1, 2, 255, 0)) + [Case("where_above", {"N": n}) for n in (1, 100, 999)],
    extra={"truth": lambda self, x: x.float().mean(-1), "where_above": lambda self, x: (x > 0.5).float().mean()},
)  # fmt: skip


def variance(x, axes=(-1,), keep=False, correction=0):
    """PyTorch takes the squares in one pass, which costs it two digits in f64: there two passes in a wider type."""
    if x.dtype != torch.float64:
        return x.var(axes, correction=correction, keepdim=keep)
    wide = x.numpy().astype(np.longdouble)
    apart = wide - wide.mean(axis=axes, keepdims=True)
    count = math.prod(x.shape[a] for a in axes)
    with np.errstate(invalid="ignore", divide="ignore"):
        result = (apart * apart).sum(axis=axes, keepdims=keep) / np.longdouble(count - correction)
    return torch.from_numpy(np.asarray(result).astype(np.float64))


var = reduction(
    "var", variance, uniform(-1, 3),
    rows("unbiased", uniform(-1, 3)) + [Case("forward", {"M": 5, "N": 1000}, {"x": uniform(1000, 1001)}), Case("forward", {"M": 2, "N": 33}, {"x": values(7.25)})],
    extra={"unbiased": lambda self, x: variance(x, correction=1)},
)  # fmt: skip


def extreme(name, function):
    result = reduction(
        name, lambda x, axes, keep: function(x, axes, keepdim=keep), uniform(-3, 3),
        [Case("integers", {"M": 7, "N": n}, {"x": integers(-(2**52), 2**52)}) for n in (1, 2, 33)]
        + [Case("bytes", {"M": m, "N": 7}, {"x": integers(-128, 128)}) for m in (1, 2, 33, 65)]
        + [Case("forward", {"M": 6, "N": 3}, {"x": values(NAN, 1, 2, 1, NAN, 2, 1, 2, NAN, INF, 0, 1, -INF, 0, 1, -INF, -INF, -INF)})],
        empty=False, extra={"integers": lambda self, x: function(x, -1), "bytes": lambda self, x: function(x, 0)},
    )  # fmt: skip
    result.exact = True
    return result


max = extreme("max", torch.amax)
min = extreme("min", torch.amin)


def quantifier(name, function):
    class Quantifier(Program):
        types = ("f32",)
        inputs = {"x": values(0, 0, 0, 1, 0, 0, 1, 0, 2, 0, 0, 0, 255) if name == "any" else values(1, 2, 255, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1)}
        cases = (
            [Case("forward", s) for s in PAIRS]
            + [Case("columns", s) for s in vary({"M": 5, "N": 17}, M=FEW, N=FEW)]
            + [Case("whole", {"M": m, "N": n}, {"x": values(v)}) for v in (0, 1) for m, n in ((0, 3), (1, 1), (67, 33))]
            + [Case("above", {"M": 7, "N": n}, {"x": grid(4, 2)}) for n in (0, 1, 2, 3, 33)]
        )

        def forward(self, x):
            return function(x, -1)

        def columns(self, x):
            return function(x, 0)

        def whole(self, x):
            return function(x)

        def above(self, x):
            return function(x > 1.5, -1, keepdim=True)

    Quantifier.__name__ = name
    return Quantifier


any_ = quantifier("any", torch.any)
all_ = quantifier("all", torch.all)


def position(name, function):
    """NumPy's argmax and argmin give the first of equals, and NaN counts as the most extreme."""

    def at(x, axis):
        return torch.from_numpy(np.asarray(function(x.to(torch.float64).numpy() if x.is_floating_point() else x.numpy(), axis)))

    class Position(Program):
        inputs = {"x": grid(9)}  # equal ones occur
        cases = (
            [Case("forward", s) for s in PAIRS if s["N"]]
            + [Case("forward", {"M": 5, "N": n}, {"x": uniform(-3, 3)}) for n in (33, 1000)]
            + [Case("forward", {"M": 6, "N": 4}, {"x": values(1, NAN, 5, NAN, NAN, 1, 2, 3, INF, 1, INF, 2, -INF, -INF, -INF, -INF, 0, -0.0, 0, -0.0, 1, 2, 2, -1)})]
            + [Case("forward", {"M": 3, "N": 0}, fails=(1, ""))]
            + [Case("columns", s) for s in vary({"M": 5, "N": 17}, M=FEW, N=FEW) if s["M"]]
            + [Case("middle", s) for s in TRIPLES]
            + [Case("integers", {"M": 7, "N": n}, {"x": integers(-5, 5)}) for n in (1, 2, 33)]
        )

        def forward(self, x):
            return at(x, -1)

        def columns(self, x):
            return at(x, 0)

        def middle(self, x):
            return at(x, 1)

        integers = forward

    Position.__name__ = name
    return Position


argmax = position("argmax", np.argmax)
argmin = position("argmin", np.argmin)


class cumsum(Program):
    cases = (
        [Case("forward", s) for s in PAIRS]
        + [Case("columns", s) for s in vary({"M": 5, "N": 17}, M=SIZES, N=FEW)]
        + [Case("integers", {"M": 7, "N": n}, {"x": integers(-(2**52), 2**52)}) for n in (0, 1, 2, 33)]
    )

    def forward(self, x):
        return x.cumsum(-1)

    def columns(self, x):
        return x.cumsum(0)

    integers = forward


# Rows of very different size, one of -inf alone, and single -inf among others.
HARD = values(1000, 1001, 999, -1000, -1e30, 3, -INF, -INF, -INF, -INF, 0, -INF, 88, 89, 90, 1e-30, 0, -1e-30)


def by_row(name, function, whole):
    """A function of rows: `function(x, axis)`."""

    class ByRow(Program):
        cases = (
            [Case("forward", s) for s in PAIRS if whole or s["N"]]
            + [Case("forward", {"M": 6, "N": 3}, {"x": HARD}, samples=18)]
            + [Case("forward", s, {"x": uniform(-20, 20)}, samples=32) for s in ({"M": 7, "N": 1009}, {"M": 65, "N": 130})]
            + [Case("columns", s) for s in vary({"M": 5, "N": 17}, M=FEW, N=FEW) if whole or s["M"]]
        )
        if whole:
            cases += [Case("middle", s) for s in TRIPLES + NOTHING]
            cases += [Case("scaled", {"M": 3, "N": n}, {"t": values(0.25)}) for n in (1, 16, 33)]

        def forward(self, x):
            return function(x, -1)

        def columns(self, x):
            return function(x, 0)

        def middle(self, x):
            return function(x, 1)

        def scaled(self, x, t):
            return function(x / t, -1)

    ByRow.__name__ = name
    return ByRow


logsumexp = by_row("logsumexp", torch.logsumexp, False)
softmax = by_row("softmax", lambda x, axis: torch.where((x == -INF).all(axis, keepdim=True), 0, torch.softmax(x, axis)), True)
log_softmax = by_row("log_softmax", lambda x, axis: torch.where((x == -INF).all(axis, keepdim=True), -INF, torch.log_softmax(x, axis)), True)
