"""Neighbourhoods over graphs and dense domains."""

import torch
import torch.nn.functional as F

from program import Case, Program, integers, members, narrow, uniform, values

WIDTHS = (1, 7, 16, 17, 33, 64, 130)
SHAPES = ((1, 1, 0), (1, 1, 3), (3, 5, 0), (7, 4, 40), (33, 65, 300))  # sources, targets, edges
NODES = ((1, 0), (1, 2), (7, 40), (65, 300))


def over(entries, *, width=True, inputs=None):
    """Every shape with one width, every width with one shape."""
    cases = []
    for entry in entries:
        for s, d, e in SHAPES:
            cases.append(Case(entry, {"S": s, "D": d, "E": e, **({"F": 9} if width else {})}, inputs or {}))
        for f in WIDTHS if width else ():
            cases.append(Case(entry, {"S": 7, "D": 9, "E": 50, "F": f}, {"g": narrow, **(inputs or {})}))
    return cases


def around(entries, *, width=True, inputs=None, more=None):
    return [
        Case(entry, {"N": n, "E": e, **({"F": f} if width else {}), **(more or {})}, inputs or {})
        for entry in entries
        for n, e in NODES
        for f in ((5, 33) if width else (0,))
    ]


class neighbours(Program):
    types = ("f32", "f64", "bf16")
    cases = (
        over(("sums", "means", "largest", "smallest", "copies", "weighted", "attention", "turned"))
        + over(("fixed17", "fixed130", "fixed300", "scalars", "planes", "columns"), width=False)
        + around(("loops", "both", "some", "chosen"))
        + around(("heads", "dots", "half", "degrees"), width=False)
        + around(("kinds",), inputs={"kind": integers(0, 4)})
        + [Case("attention", {"S": 5, "D": 2, "E": e, "F": 9}) for e in (127, 128, 129, 500)]
        + [Case("kinds", {"N": 3, "E": 4, "F": 5}, {"kind": values(0, 3, bad, 1)}, fails=(1, "an index of `b`")) for bad in (4, -1)]
        + [Case("readout", {"N": n, "G": g, "F": f}, {"members": members}) for n, g, f in ((0, 0, 3), (0, 2, 3), (1, 1, 1), (13, 1, 33), (40, 7, 17), (5, 9, 4))]
    )  # fmt: skip

    def sums(self, x, g):
        return g.sum(x[g.source])

    fixed17 = sums

    def means(self, x, g):
        return g.mean(x[g.source])

    planes = means

    def largest(self, x, g):
        return g.max(x[g.source])

    def smallest(self, x, g):
        return g.min(x[g.source])

    def copies(self, x, y, g):
        return x[g.source] - y[g.target]

    def weighted(self, x, w, g):
        return g.sum(w[:, None] * x[g.source])

    def attention(self, a, c, x, g):
        return g.attend(3 * (a[g.source] + c[g.target]), x[g.source])

    def fixed130(self, a, x, g):
        return g.attend(2 * a[g.source], x[g.source])

    fixed300 = fixed130

    def scalars(self, a, g):
        return g.sum(a[g.source] * a[g.source]), g.max(a[g.source])

    def columns(self, x, g):
        return g.max(x[g.source]).permute(2, 0, 1)

    def loops(self, x, g):
        one = g.loops()
        two = one.loops()
        return one.sum(x[one.source]) + two.mean(x[two.source])

    def turned(self, x, w, g):
        return self.weighted(x, w, g.reverse())

    def both(self, x, g):
        more = g.loops().reverse()
        y = more.max(x[more.source])
        return y, y

    def some(self, x, a, keep, g):
        first = g.where(g.source != g.target)
        second = g.where(keep & (a[g.source] < a[g.target]))
        third = g.where(keep)
        return first.sum(x[first.source]), second.mean(x[second.source]), third.min(x[third.source])

    def chosen(self, x, keep, g):
        return torch.where(keep[:, None], x[g.source] + x[g.target], torch.zeros((), dtype=x.dtype))

    def heads(self, a, c, x, g):
        g = g.where(g.source != g.target).loops()
        y = g.attend(F.leaky_relu(a[g.source] + c[g.target], 0.2), x[g.source])
        return y.permute(1, 0, 2)

    def dots(self, q, x, g):
        score = (q[g.target] * F.relu(x[g.source] + q[g.target])).sum(-1) / 4
        return g.attend(score, x[g.source]).permute(1, 0, 2)

    def kinds(self, x, kind, b, g):
        return g.sum(b[kind][:, None] * x[g.source])

    def half(self, x, g):
        h = torch.arange(6)
        return g.mean(x[g.source] - x[g.target][:, h // 2]).permute(1, 0, 2)

    def readout(self, x, g):
        return g.sum(x), g.mean(x), g.max(x)

    def degrees(self, a, g):
        up = g.where(a[g.source] < a[g.target])
        return g.count(), up.count()
