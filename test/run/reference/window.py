"""Convolutions and pools, and what is put in order."""

import numpy as np
import torch
import torch.nn.functional as F

from program import Case, Program, grid, integers, uniform, values

INF, NAN = float("inf"), float("nan")
CHANNELS = ((1, 1), (3, 1), (1, 16), (16, 17), (17, 16), (64, 65), (2, 7), (5, 9), (7, 64))
LENGTHS = (1, 2, 5, 7, 15, 16, 17, 31, 33, 63, 64, 65, 130)
IMAGES = ((1, 1), (1, 7), (7, 1), (3, 5), (7, 7), (8, 8), (14, 13), (9, 33), (5, 65))


def signals(entry, least=1, lengths=LENGTHS, channels=CHANNELS):
    return (
        [Case(entry, {"B": 2, "C": 3, "O": 5, "L": n}) for n in lengths if n >= least]
        + [Case(entry, {"B": 1, "C": c, "O": o, "L": 19}) for c, o in channels] + [Case(entry, {"B": 0, "C": 3, "O": 5, "L": 9})]
    )  # fmt: skip


def images(entry, least=(1, 1), **channels):
    return [
        Case(entry, {"B": b, "H": h, "W": w, **channels})
        for h, w in IMAGES if h >= least[0] and w >= least[1] for b in ((0, 1, 3) if w == 7 else (1,))
    ]  # fmt: skip


def channels(entry, pairs=CHANNELS):
    return [Case(entry, {"B": 1, "C": c, "O": o, "H": 7, "W": 9}) for c, o in pairs]


class Windows(Program):
    row = "all"
    inputs = {"w": uniform(-1, 1)}


class conv(Windows):
    cases = (
        signals("signal", 3) + signals("biased") + signals("strided", 2) + signals("third", 1) + signals("far", 1)
        + [Case("each", {"B": 2, "L": n}) for n in LENGTHS]
        + images("image", C=3, O=5) + channels("image") + images("point", C=3, O=17) + channels("point")
        + images("spread", C=3, O=4) + images("down", C=3, O=8) + channels("down", CHANNELS[:4]) + images("oblong", C=2, O=6)
        + images("dilated", (1, 1), C=3, O=4) + images("grouped") + images("depthwise") + images("doubled")
        + images("turned", C=4, O=6) + images("residual", C=7) + images("deep")[-4:] + [Case("deep", {"B": 1, "H": 7, "W": 9})]
        + [Case("wide", {"B": 1, "L": n}) for n in (100, 333)] + images("joined")
        + [Case("signal", {"B": 1, "C": 1, "O": 1, "L": 2}, fails=(1, "larger than its input"))]
    )  # fmt: skip

    def signal(self, x, w):
        return F.conv1d(x, w)

    def biased(self, x, w, bias):
        return F.relu(F.conv1d(x, w, bias, padding=2))

    def strided(self, x, w):
        return F.conv1d(x, w, stride=2, padding=1)

    def third(self, x, w):
        return F.conv1d(x, w, stride=3, padding=3, dilation=2)

    def far(self, x, w):
        return F.conv1d(x, w, stride=6, padding=1)

    def each(self, x, w):
        return F.conv1d(x, w, padding=5, groups=5)

    def image(self, x, w):
        return F.conv2d(x, w, padding=1)

    def point(self, x, w):
        return F.conv2d(x, w)

    def spread(self, x, w):
        return F.conv2d(x, w, stride=2)

    def down(self, x, w):
        return F.conv2d(x, w, stride=2, padding=3)

    def oblong(self, x, w):
        return F.conv2d(x, w, stride=(2, 1), padding=(0, 2))

    def dilated(self, x, w):
        return F.conv2d(x, w, padding=(2, 4), dilation=(2, 3))

    def grouped(self, x, w):
        return F.conv2d(x, w, padding=1, groups=3)

    def depthwise(self, x, w, bias):
        return torch.tanh(F.relu(F.conv2d(x, w, bias, padding=1, groups=17)))

    def doubled(self, x, w):
        return F.conv2d(x, w, stride=2, padding=2, groups=3)

    def turned(self, x, w):
        return F.conv2d(x.permute(0, 3, 1, 2), w, padding=1).permute(0, 2, 3, 1)

    def residual(self, x, w, scale, columns):
        y = F.conv2d(x, w, padding=1) * scale[:, None, None]
        return y, F.relu(y + x) * columns

    def deep(self, x, w):
        return F.conv2d(x, w, padding=1)

    def wide(self, x, w):
        return F.conv1d(x, w, padding=700)

    def joined(self, x, w, v):
        return torch.cat((F.conv2d(x, w, padding=1), F.conv2d(x, v)), 1)


class conv_transpose(Windows):
    cases = (
        signals("signal") + signals("doubled") + images("image", C=3, O=5) + channels("image") + images("apart", C=2, O=3)
        + images("grouped") + images("each")
    )  # fmt: skip

    def signal(self, x, w):
        return F.conv_transpose1d(x, w)

    def doubled(self, x, w):
        return F.conv_transpose1d(x, w, stride=2, padding=1)

    def image(self, x, w):
        return F.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1)

    def apart(self, x, w):
        return F.conv_transpose2d(x, w, stride=3, dilation=2)

    def grouped(self, x, w, bias):
        return F.relu(F.conv_transpose2d(x, w, bias, stride=2, groups=3))

    def each(self, x, w):
        return F.conv_transpose2d(x, w, padding=1, groups=4)


def lines(entry, least, sizes=LENGTHS):
    return [Case(entry, {"B": 2, "C": 3, "L": n}) for n in sizes if n >= least] + [Case(entry, {"B": 0, "C": 3, "L": 9})]


class max_pool(Program):
    exact = True
    cases = (
        lines("signal", 3) + images("image", (2, 2), C=3) + images("stem", C=3) + images("every", C=2)
        + images("dilated", (3, 3), C=2) + images("far", C=2) + lines("integers", 1) + lines("small", 1)
        + [Case("every", {"B": 1, "C": 1, "H": 7, "W": 20}, {"x": values(1, NAN, -INF, INF, 2, -3, -INF, -INF, 0, -0.0, 5, -5, 7)})]
        + [Case("stem", {"B": 1, "C": 1, "H": 6, "W": 37}, {"x": values(-INF, -INF, -INF, -1e30, -INF, NAN, *[-INF] * 30)})]
    )  # fmt: skip

    def signal(self, x):
        return F.max_pool1d(x, 3)

    def image(self, x):
        return F.max_pool2d(x, 2)

    def stem(self, x):
        return F.max_pool2d(x, 3, 2, 1)

    def every(self, x):
        return F.max_pool2d(x, 5, 1, 2)

    def dilated(self, x):
        return F.max_pool2d(x, 3, 1, 1, 2)

    def far(self, x):
        return F.max_pool2d(x, 9, 7, 4)

    def integers(self, x):
        return F.max_pool1d(x.to(torch.float64), 3, 1, 1).to(x.dtype)

    def small(self, x):
        return F.max_pool1d(x.to(torch.float64), 2, 3, 1).to(x.dtype)


class avg_pool(Windows):
    cases = (
        lines("signal", 3) + images("image", (2, 2), C=3) + images("padded", C=3) + images("counted", C=2) + images("far", C=2)
    )  # fmt: skip

    def signal(self, x):
        return F.avg_pool1d(x, 3)

    def image(self, x):
        return F.avg_pool2d(x, 2)

    def padded(self, x):
        return F.avg_pool2d(x, 3, 2, 1)

    def counted(self, x):
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)

    def far(self, x):
        return F.avg_pool2d(x, 9, 6, 4, count_include_pad=False)


class convolution(Program):
    row = "all"
    parameters = {
        f"{block}.{norm}.running_var": uniform(0.3, 2)
        for block, norms in (("layer1.0", ("bn1", "bn2")), ("layer1.1", ("bn1", "bn2")), ("layer2", ("bn1", "bn2", "downsample.1")))
        for norm in norms
    }  # fmt: skip
    cases = (
        [Case(e, {"B": b, "L": n}) for e in ("signals", "grouped") for b, n in ((0, 9), (1, 5), (2, 16), (3, 33))]
        + [Case(e, {"B": b, "H": h, "W": w}) for e in ("images", "grown", "pooled", "averaged", "blocks") for b, h, w in ((0, 5, 6), (1, 2, 3), (2, 7, 16), (3, 9, 17))]
        + [Case("embedded", {"B": b}) for b in (0, 1, 3)]
    )  # fmt: skip

    def convolve(self, function, path, x, shape, bias=True, **settings):
        transposed = function is F.conv_transpose2d
        out = shape[1] if transposed else shape[0]
        return function(x, self.param(f"{path}.weight", *shape), self.param(f"{path}.bias", out) if bias else None, **settings)

    def norm(self, path, x):
        if self.training:
            return self.batch_norm(path, x)
        d = x.shape[1]
        names = ("running_mean", "running_var", "weight", "bias")
        mean, var, weight, bias = (self.param(f"{path}.{n}", d)[:, None, None] for n in names)
        return (x - mean) * (torch.rsqrt(var + 1e-5) * weight) + bias

    def block(self, path, x, out, stride=1):
        y = self.convolve(F.conv2d, f"{path}.conv1", x, (out, x.shape[1], 3, 3), False, stride=stride, padding=1)
        y = F.relu(self.norm(f"{path}.bn1", y))
        y = self.norm(f"{path}.bn2", self.convolve(F.conv2d, f"{path}.conv2", y, (out, out, 3, 3), False, padding=1))
        if stride != 1:
            x = self.convolve(F.conv2d, f"{path}.downsample.0", x, (out, x.shape[1], 1, 1), False, stride=stride)
            x = self.norm(f"{path}.downsample.1", x)
        return F.relu(y + x)

    def signals(self, x):
        return self.convolve(F.conv1d, "one", x, (5, 3, 3), padding=1)

    def grouped(self, x):
        return F.relu(self.convolve(F.conv1d, "bare", x, (6, 2, 5), False, stride=2, groups=2))

    def images(self, x):
        return self.convolve(F.conv2d, "two", x, (8, 3, 3, 5), stride=(2, 1), padding=(1, 2))

    def grown(self, x):
        return self.convolve(F.conv_transpose2d, "up", x, (4, 3, 4, 4), stride=2, padding=1)

    def pooled(self, x):
        return F.max_pool2d(x, 3, 2, 1)

    def averaged(self, x):
        return F.avg_pool2d(x, 2)

    def embedded(self, x):
        return self.convolve(F.conv2d, "patches.proj", x, (10, 3, 4, 4), stride=4).flatten(2).transpose(1, 2)

    def blocks(self, x):
        x = self.block("layer1.1", self.block("layer1.0", x, 6), 6)
        return self.block("layer2", x, 9, 2).mean((2, 3))


ROWS = (0, 1, 2, 15, 16, 17, 31, 32, 33, 64, 65, 1000)
HARD = values(1, NAN, 5, NAN, 0.0, -0.0, INF, -INF, 3, 3, -INF, NAN, -0.0, 0.0, INF, 2)


def in_order(x, descending=False):
    """Stable, NaN largest. PyTorch has the order of equal elements with stable=True; -0 and 0 are equal to it as well."""
    return torch.sort(x, dim=-1, descending=descending, stable=True)


class sort(Program):
    exact = True
    inputs = {"x": grid(9)}  # equal ones occur
    cases = (
        [Case(e, {"M": 3, "N": n}) for e in ("forward", "down", "columns") for n in ROWS]
        + [Case(e, {"M": 5, "N": 333}, {"x": uniform(-3, 3)}) for e in ("forward", "down")]
        + [Case(e, {"M": m, "N": 16}, {"x": HARD}) for e in ("forward", "down") for m in (0, 1, 7)]
        + [Case("back", {"A": a, "M": 5, "N": 7}) for a in (0, 1, 3)]
        + [Case("integers", {"M": 2, "N": n}, {"x": integers(-(2**52), 2**52)}) for n in (1, 40)]
        + [Case("words", {"M": 2, "N": n}, {"x": integers(-(2**31), 2**31)}) for n in (1, 40)]
        + [Case("bytes", {"M": 2, "N": n}, {"x": integers(-128, 128)}) for n in (1, 400)]
    )

    def forward(self, x):
        return in_order(x)

    integers = bytes = forward

    def down(self, x):
        return in_order(x, True)

    words = down

    def columns(self, x):
        return in_order(x.T)

    def back(self, x):
        return in_order(x.transpose(1, 2))[0].transpose(1, 2)


def largest(x, k):
    return tuple(t[..., :k] for t in in_order(x, True))


class topk(Program):
    exact = True
    inputs = {"x": grid(9)}
    cases = (
        [Case(e, {"M": 3, "N": n}) for e, least in (("one", 1), ("few", 7), ("most", 32), ("many", 33), ("none", 0), ("columns", 0)) for n in ROWS if n >= least]
        + [Case("all", {"M": m}) for m in (0, 1, 5)] + [Case("integers", {"M": 3, "N": n}, {"x": integers(-50, 50)}) for n in (5, 40)]
        + [Case(e, {"M": 4, "N": 40}, {"x": HARD}) for e in ("one", "few", "most", "many")]
        + [Case("few", {"M": 2, "N": 999}, {"x": uniform(-3, 3)})] + [Case("few", {"M": 1, "N": 6}, fails=(1, "rows of"))]
    )  # fmt: skip

    def one(self, x):
        return largest(x, 1)

    def few(self, x):
        return largest(x, 7)

    def most(self, x):
        return largest(x, 32)

    def many(self, x):
        return largest(x, 33)

    def none(self, x):
        return largest(x, 0)

    def all(self, x):
        return largest(x, 17)

    def columns(self, x):
        return largest(x.T, 3)

    def integers(self, x):
        return largest(x, 5)


class adaptive(Windows):
    cases = (
        [Case(e, {"B": 2, "C": 3, "L": n}) for e in ("one", "seven", "largest") for n in LENGTHS] + images("point", C=3)
        + images("image", C=5) + images("rows", C=2) + images("top", C=3) + images("tops", C=2)
    )  # fmt: skip

    def one(self, x):
        return F.adaptive_avg_pool1d(x, 1)

    def seven(self, x):
        return F.adaptive_avg_pool1d(x, 7)

    def largest(self, x):
        return F.adaptive_max_pool1d(x, 5)

    def point(self, x):
        return F.adaptive_avg_pool2d(x, 1)

    def image(self, x):
        return F.adaptive_avg_pool2d(x, 3)

    def rows(self, x):
        return F.adaptive_avg_pool2d(x, (7, 2))

    def top(self, x):
        return F.adaptive_max_pool2d(x, 1)

    def tops(self, x):
        return F.adaptive_max_pool2d(x, (2, 5))
