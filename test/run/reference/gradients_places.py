"""Derivatives of windows, and of what is read by number or put in order."""

import torch
import torch.nn.functional as F

from gradients import Gradients, derived, grad, tables
from program import Case, grid, integers, uniform, values
from window import CHANNELS, LENGTHS, channels, images, in_order, lines, signals

NAN, INF = float("nan"), float("inf")


def squared(function):
    """The gradient of the sum of squares by all arguments."""

    def entry(self, *x):
        return grad((function(*x) ** 2).sum(), *x)

    return entry


def twice(function):
    """That of the sum of squares of the gradients of what the function gives."""

    def entry(self, *x):
        first = grad(function(*x).sum(), *x)
        return grad(sum((g**2).sum() for g in (first if len(x) > 1 else (first,))), *x)

    return entry


FEW = ((1, 1), (3, 1), (1, 16), (16, 17), (64, 65))


class Windows(Gradients):
    inputs = {"w": uniform(-1, 1)}


class grad_windows(Windows):
    types = ("f32", "f64", "bf16", "f16")
    cases = (
        signals("signal", 3, (3, 7, 16, 65, 130, 300), FEW) + signals("third", 1, (1, 2, 17, 64), FEW) + signals("far", 1, (1, 5, 6, 7, 64), ())
        + [Case("each", {"B": 2, "L": n}) for n in LENGTHS] + images("image", C=3, O=5) + channels("image") + [Case("image", {"B": 3, "C": 40, "O": 130, "H": 15, "W": 17})]
        + images("point", C=3, O=17) + channels("point", FEW) + images("spread", C=3, O=4) + images("down", C=3, O=8) + images("oblong", C=2, O=6)
        + images("across", C=3, O=7) + images("dilated", C=3, O=4) + images("grouped") + images("depthwise") + images("doubled")
        + [Case("known", {"B": b}) for b in (0, 1, 2, 3, 5)] + [Case("wide", {"B": 2, "L": 100})]
        + signals("joined", 3, (3, 17), ((1, 1), (16, 17)))
    )  # fmt: skip

    signal = squared(F.conv1d)
    third = squared(lambda x, w: F.conv1d(x, w, stride=3, padding=3, dilation=2))
    far = squared(lambda x, w: F.conv1d(x, w, stride=6, padding=1))
    each = squared(lambda x, w: F.conv1d(x, w, padding=5, groups=5))
    image = known = squared(lambda x, w: F.conv2d(x, w, padding=1))
    point = squared(F.conv2d)
    spread = squared(lambda x, w: F.conv2d(x, w, stride=2))
    down = squared(lambda x, w: F.conv2d(x, w, stride=2, padding=3))
    oblong = squared(lambda x, w: F.conv2d(x, w, stride=(2, 1), padding=(0, 2)))
    across = squared(lambda x, w: F.conv2d(x, w, stride=(1, 3), padding=(1, 2), dilation=(1, 2)))
    dilated = squared(lambda x, w: F.conv2d(x, w, padding=(2, 4), dilation=(2, 3)))
    grouped = squared(lambda x, w: F.conv2d(x, w, padding=1, groups=3))
    depthwise = squared(lambda x, w: F.conv2d(x, w, padding=1, groups=17))
    doubled = squared(lambda x, w: F.conv2d(x, w, stride=2, padding=2, groups=3))
    wide = squared(lambda x, w: F.conv1d(x, w, padding=200))

    def joined(self, x, w, v):
        return torch.cat((grad((F.conv1d(x, w) ** 2).sum(), w), grad((F.conv1d(x, v) ** 2).sum(), v)), 2)


TIES = {"x": grid(2)}


class grad_windows_more(Windows):
    cases = (
        signals("signal", 1, (1, 2, 16, 65), FEW) + images("image", C=3, O=5) + channels("image", FEW) + images("apart", C=2, O=3) + images("grouped")
        + lines("largest", 3) + images("stem", C=3) + images("every", C=2) + images("holes", (3, 3), C=2)
        + [Case(e, {"B": 2, "C": 2, "H": 7, "W": 35}, TIES) for e in ("stem", "every")]
        + [Case("every", {"B": 1, "C": 1, "H": 7, "W": 20}, {"x": values(1, NAN, -INF, INF, 2, -3, -INF, -INF, 0, -0.0, 5, -5, 7)})]
        + lines("means", 3) + images("padded", C=3) + images("counted", C=2) + images("far", C=2) + images("whole", C=3)
    )  # fmt: skip

    signal = squared(F.conv_transpose1d)
    image = squared(lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1))
    apart = squared(lambda x, w: F.conv_transpose2d(x, w, stride=3, dilation=2))
    grouped = squared(lambda x, w: F.conv_transpose2d(x, w, stride=2, groups=3))
    largest = squared(lambda x: F.max_pool1d(x, 3))
    stem = squared(lambda x: F.max_pool2d(x, 3, 2, 1))
    holes = squared(lambda x: F.max_pool2d(x, 3, 1, 1, 2))
    means = squared(lambda x: F.avg_pool1d(x, 3))
    padded = squared(lambda x: F.avg_pool2d(x, 3, 2, 1))
    counted = squared(lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False))
    far = squared(lambda x: F.avg_pool2d(x, 9, 6, 4, count_include_pad=False))
    whole = squared(lambda x: F.adaptive_avg_pool2d(x, 1))

    def every(self, x):
        return grad(F.max_pool2d(x, 5, 1, 2).sum(), x)


class grad_windows_second(Windows):
    cases = (
        images("image", C=3, O=5)[2:] + signals("strided", 2, (2, 7, 16, 65), FEW) + images("grouped")[2:]
        + signals("transposed", 1, (1, 2, 17, 64), FEW) + images("largest", C=2) + images("means", (2, 2), C=3)
    )  # fmt: skip

    image = twice(lambda x, w: torch.sin(F.conv2d(x, w, padding=1)))
    strided = twice(lambda x, w: F.conv1d(x, w, stride=2, padding=1) ** 2)
    grouped = twice(lambda x, w: F.conv2d(x, w, stride=(2, 1), padding=2, dilation=(1, 2), groups=3) ** 2)
    transposed = twice(lambda x, w: F.conv_transpose1d(x, w, stride=2, padding=1) ** 2)
    largest = twice(lambda x: F.max_pool2d(x, 3, 2, 1) ** 3)

    def means(self, x):
        a = grad((F.avg_pool2d(x, 3, 2, 1, count_include_pad=False) ** 3).sum() + (F.avg_pool2d(x, 2, 1) ** 3).sum(), x)
        return grad((a**2).sum(), x)


INDEX = {"index": integers(0, 11)}


def read(x, index):
    return x[index.long()]


def picked(x, index):
    return x.gather(-1, index[..., None])[..., 0]


def indexed(function):
    """By the first argument, weighted by the last; the others are integers."""

    def entry(self, x, *more):
        index, *w = more
        y = function(x, index)
        return grad((w[0] * y if w else y).sum(), x)

    return entry


class grad_indexing(Gradients):
    types = ("f32", "f64", "bf16", "f16")
    inputs = INDEX
    cases = (
        [Case(e, {"S": 11, "N": n, "M": m}) for e in ("rows", "repeated", "turned") for n, m in ((0, 3), (3, 0), (1, 1), (7, 5), (16, 33), (65, 64), (300, 100))]
        + [Case("rows", {"S": 11, "N": 4, "M": 7}, {"index": values(*bad)}, fails=(1, "")) for bad in ((0, 11), (-1,), (2**62,))]
        + [Case("rows", {"S": 0, "N": 4, "M": 2}, fails=(1, "")), Case("rows", {"S": 0, "N": 4, "M": 0}), Case("rows", {"S": 300, "N": 17, "M": 65})]
        + [Case("matrix", {"S": 11, "A": a, "B": b, "N": 9}) for a, b in ((0, 2), (1, 1), (3, 5))]
        + [Case("columns", {"S": 11, "M": m, "K": k}) for m, k in ((0, 2), (1, 1), (5, 33))]
        + [Case("middle", {"S": 11, "M": m, "K": k, "N": n}) for m, k, n in ((0, 2, 3), (1, 1, 1), (2, 33, 40), (5, 7, 64))]
        + [Case("elements", {"S": s, "K": k}) for s in (11, 65) for k in (0, 1, 15, 16, 17, 130)]
        + [Case("words", {"S": 11, "N": 9, "M": 7}), Case("words", {"S": 11, "N": 9, "M": 7}, {"index": values(3, -5)}, fails=(1, ""))]
        + [Case("computed", {"S": 12, "N": 9, "M": 33})]
        + [Case("computed", {"S": 11, "N": n, "M": m}, {"index": values(*good, 10)}, fails=(1, "")) for m, n, good in ((1, 9, ()), (33, 1, [0] * 32), (500, 70, [0] * 499))]
        + [Case(e, {"M": m, "N": n}) for e in ("picked", "likelihood") for m, n in ((0, 11), (1, 11), (7, 13), (33, 16), (130, 65))]
        + [Case("picked", {"M": 4, "N": 4}, {"index": values(0, 1, 2, bad)}, fails=(1, "")) for bad in (4, -1)]
        + [Case("deep", {"A": a, "M": m, "N": 11}) for a, m in ((0, 2), (1, 1), (3, 5))]
        + [Case("marked", {"M": m}, {"index": integers(0, 10)}) for m in (0, 1, 17)]
        + [c for e in ("running", "down", "weighted", "of_probabilities", "from_the_end", "upwards", "reversed")
           for c in tables(e, ((0, 3), (3, 0), (1, 1), (2, 7), (3, 15), (3, 16), (16, 17), (33, 32), (5, 130)))]
        + tables("both_ways", ((0, 3), (1, 1), (2, 7), (3, 16), (16, 17), (5, 130)))
        + [c for e in ("sorted", "sorted_down") for c in tables(e, ((0, 3), (3, 0), (1, 1), (3, 7), (33, 16), (5, 65)))]
        + tables("sorted", ((3, 17),), x=grid(3)) + tables("best", ((0, 5), (1, 5), (3, 7), (16, 65))) + tables("best", ((4, 17),), x=grid(3))
        + tables("positions", ((0, 3), (1, 1), (3, 7)))
    )  # fmt: skip

    rows = matrix = elements = words = repeated = indexed(read)
    columns = middle = indexed(lambda x, index: x[:, index])
    turned = indexed(lambda x, index: x[index].T)
    computed = indexed(lambda x, index: x[index + 1])
    picked = deep = indexed(picked)
    likelihood = indexed(lambda x, index: torch.log_softmax(x, -1).gather(-1, index[:, None])[:, 0])
    running = derived(lambda x: x.cumsum(-1))
    down = derived(lambda x: x.cumsum(0))
    reversed = derived(lambda x: x.flip(-1).cumsum(-1).flip(-1))
    of_probabilities = derived(lambda x: torch.softmax(x, -1).cumsum(-1))
    sorted = derived(lambda x: in_order(x)[0])
    sorted_down = derived(lambda x: in_order(x.T, True)[0])
    best = derived(lambda x: in_order(x, True)[0][:, :5])

    def marked(self, x, index):
        return grad((F.one_hot(index, 10) * x**2).sum(), x)

    def weighted(self, x, w):
        return grad(((w * x).cumsum(-1) ** 2).sum(), x)

    def from_the_end(self, x):
        return x.flip(-1).cumsum(-1).flip(-1)

    def upwards(self, x):
        return x.flip(0).cumsum(0).flip(0)

    def both_ways(self, x):
        return self.from_the_end(x) * x.cumsum(-1), x.argmax(-1)

    def positions(self, x):
        k = (x.argmax(-1) + x.argmin(-1)).to(x.dtype)
        return grad((x**2 * k[:, None] + x * x.argmax(-1, keepdim=True)).sum(), x)


class grad_indexing_second(Gradients):
    inputs = INDEX
    cases = (
        [Case("rows", {"S": 11, "N": n, "M": m}) for n, m in ((3, 0), (7, 5), (16, 33), (65, 64))]
        + [Case("columns", {"S": 11, "M": m, "K": k}) for m, k in ((1, 1), (5, 33))]
        + [c for e in ("likelihood", "sorted") for c in tables(e, ((3, 11), (16, 17), (5, 130)))] + tables("running", ((3, 11), (16, 17)))
        + [Case("part", {"M": 3, "N": n}, {"at": values(at)}) for n, at in ((2, 0), (7, 5), (17, 3))]
    )  # fmt: skip

    def rows(self, x, index, v):
        return grad((v * grad((x[index] ** 3).sum(), x) ** 2).sum(), x)

    def columns(self, x, index, v):
        return grad((v * grad(torch.sin(x[:, index]).sum(), x)).sum(), x)

    def likelihood(self, x, index, v):
        return grad((v * grad((picked(torch.log_softmax(x, -1), index) ** 2).sum(), x)).sum(), x)

    def running(self, x, v):
        return grad((v * grad((x.cumsum(-1) ** 3).sum(), x)).sum(), x)

    def sorted(self, x, w, v):
        return grad((v * grad((w * in_order(x)[0] ** 3).sum(), x)).sum(), x)

    def part(self, x, at, v):
        return grad((v * grad((x[:, int(at) : int(at) + 2] ** 3).sum(), x)).sum(), x)
