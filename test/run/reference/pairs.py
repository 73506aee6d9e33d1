"""Neighbourhoods over dense domains: i counts targets, j sources."""

import torch

from program import Case, Program, integers, values

PAIRS = ((0, 0), (0, 3), (3, 0), (1, 1), (5, 7), (33, 65))


def square(entry, widths=(1, 17, 64), **more):
    return [Case(entry, {"M": m, **({"F": f} if f else {})}, **more) for m in (0, 1, 2, 7, 33) for f in widths]


def rectangle(entry, widths=(1, 17), **more):
    return [Case(entry, {"N": n, "M": m, **({"F": f} if f else {})}, **more) for n, m in PAIRS for f in widths]


class pairs(Program):
    types = ("f32", "f64", "bf16")
    row = "all"  # sums over the sources of a target may cancel
    cases = (
        [c for e in ("sums", "around", "either", "marked") for c in square(e)]
        + [c for w in (-3, 0, 1, 4, 100) for c in square("band", (9,), inputs={"width": values(w)})]
        + [c for e in ("means", "largest", "smallest", "differences", "nearest") for c in rectangle(e)]
        + [c for at in (-40, -1, 0, 2, 100) for c in rectangle("shifted", (9,), inputs={"at": values(at)})]
        + square("window", (0,)) + square("bucketed", (0,), inputs={"kind": integers(0, 4)}) + rectangle("masked", (0,))
        + [Case("bucketed", {"M": 3}, {"kind": values(0, bad, 1)}, fails=(1, "an index of `bias`")) for bad in (4, -1)]
    )  # fmt: skip

    def grid(self, n, m):
        return torch.arange(n)[:, None], torch.arange(m)[None, :]

    def sum(self, x, keep):
        return keep.to(x.dtype) @ x

    def sums(self, x):
        i, j = self.grid(len(x), len(x))
        return self.sum(x, j <= i)

    def mean(self, x, keep):
        return self.sum(x, keep) / keep.sum(1).clamp(min=1).to(x.dtype)[:, None]

    def means(self, x, w):
        return (w @ x) / max(len(x), 1)

    def extreme(self, x, keep, sign):
        """Of x[n, m, f] over m."""
        if not x.shape[1]:
            return x.new_zeros(len(x), x.shape[2])
        best = torch.where(keep[:, :, None], sign * x, torch.full((), -float("inf"), dtype=x.dtype)).amax(1)
        return torch.where(keep.any(1)[:, None], sign * best, torch.zeros((), dtype=x.dtype))

    def largest(self, x, y):
        i, j = self.grid(len(y), len(x))
        return self.extreme(x[None] - y[:, None], j < i, 1)

    def smallest(self, x, keep):
        i, j = self.grid(*keep.shape)
        return self.extreme(x[None].expand(len(keep), -1, -1), keep & (j <= i + 2), -1)

    def differences(self, x, y):
        return y[:, None] - x[None]

    def band(self, x, width):
        i, j = self.grid(len(x), len(x))
        return self.sum(x, (j <= i) & (i - j < width))

    def shifted(self, x, at, y):
        i, j = self.grid(len(y), len(x))
        return y[:, None] * self.sum(x, j <= at + i)

    def around(self, x):
        i, j = self.grid(len(x), len(x))
        return self.mean(x, (i - j).abs() <= 1)

    def either(self, x):
        i, j = self.grid(len(x), len(x))
        return self.sum(x, (i == j) | (j == 0))

    def marked(self, x):
        i, j = self.grid(len(x), len(x))
        return torch.where((j <= i)[:, :, None], x[:, None] * x[None], torch.zeros((), dtype=x.dtype))

    def attend(self, score, keep, x):
        score = torch.where(keep, score, torch.full((), -float("inf"), dtype=score.dtype))
        weight = torch.nan_to_num(torch.softmax(score, -1)) if score.shape[-1] else score
        return weight @ x

    def nearest(self, a, c, x):
        return self.attend(-(a[:, None] - c[None]).abs(), torch.ones(len(a), len(c), dtype=torch.bool), x)

    def window(self, a, x):
        i, j = self.grid(len(x), len(x))
        keep = (j <= i) & (i - j < 5)
        score = a.T[:, :, None] + a.T[:, None, :] - 0.5 * (i - j).to(x.dtype)
        return self.attend(score, keep, x.permute(1, 0, 2))

    def masked(self, a, x, keep):
        return self.attend(a, keep, x)

    def bucketed(self, x, bias, kind):
        i, j = self.grid(len(x), len(x))
        return self.attend(bias[(i - j) % 4] + bias[kind][None], torch.ones(len(x), len(x), dtype=torch.bool), x)
