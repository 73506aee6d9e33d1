"""Derivatives of graph layers: PyTorch's autograd through PyTorch Geometric."""

import torch
import torch.nn.functional as F

from gradients import Gradients, grad
from graphs import GRAPHS, KINDS, graphs
from program import Case, integers, members, narrow, uniform


def around(*entries, sizes=GRAPHS[1:]):
    return [
        Case(entry, {"N": n, "E": e}, inputs)
        for entry in entries for n, e, inputs in (*((n, e, {}) for n, e in sizes), (17, 64, {"g": narrow}))
    ]  # fmt: skip


class grad_graphs(Gradients, graphs):
    types = ("f32", "f64")
    inputs = {"members": members, "kind": integers(0, KINDS)}
    entries = "sages gats gatv2s transformers gins rgcns nnconvs edgeconvs messages largest typed normed".split()
    cases = (
        around(*entries) + [Case("pools", {"N": n, "G": g}) for n, g in ((1, 1), (7, 3), (3, 5), (64, 4))] + around("forces", sizes=GRAPHS[3:])
        # Where a node has several loops, PyG keeps the last one and gives the derivative to all; alone it has exact zeros.
        + [Case("gcns", {"N": n, "E": e}, {"w": uniform(0.1, 1)}) for n, e in ((2, 5), (7, 0), (13, 17))] + around("scored", sizes=GRAPHS[6:])
    )  # fmt: skip

    def __getattribute__(self, name):
        return object.__getattribute__(self, name) if name in ("conv", "module", "ends") else super().__getattribute__(name)

    def gcns(self, x, g, w):
        return grad(self._squares(graphs.gcns(self, x, g, w)), x, w)

    def _squares(self, values):
        return sum((v**2).sum() for v in values)

    def sages(self, x, g):
        return grad(self._squares(graphs.sages(self, x, g)), x)

    def gats(self, x, g, w):
        return grad(self._squares(graphs.gats(self, x, g, w)), x, w)

    def gatv2s(self, x, g, w):
        return grad(self._squares(graphs.gatv2s(self, x, g, w)), x, w)

    def transformers(self, x, g, w):
        return grad(self._squares(graphs.transformers(self, x, g, w)), x, w)

    def gins(self, x, g, w):
        return grad(self._squares(graphs.gins(self, x, g, w)), x, w)

    def rgcns(self, x, g, kind):
        return grad(self._squares(graphs.rgcns(self, x, g, kind)), x)

    def nnconvs(self, x, g, w):
        return grad(self._squares(graphs.nnconvs(self, x, g, w)), x, w)

    def edgeconvs(self, x, g):
        return grad((graphs.edgeconvs(self, x, g) ** 2).sum(), x)

    def pools(self, x, g):
        return grad((sum(graphs.pools(self, x, g)) ** 2).sum(), x)

    def messages(self, x, w, a, b, c, s, g):
        joined = torch.cat((x[g.source], x[g.target], w), -1)
        return grad((g.sum(torch.tanh(joined @ a + b) @ c + s) ** 2).sum(), x, w, a, b, c, s)

    def largest(self, x, a, c, g):
        joined = torch.cat((x[g.source], x[g.target] - x[g.source]), -1)
        return grad((g.max(torch.tanh(joined @ a) @ c) ** 2).sum(), x, a, c)

    def typed(self, x, m, c, kind, g):
        rows = torch.tanh((x[g.source][:, None] @ m[kind])[:, 0])
        return grad((g.sum(rows @ c) ** 2).sum(), x, m, c)

    def normed(self, x, a, t, g):
        h = F.softplus((x[g.source] * x[g.target]) @ a)
        y = g.mean((h - h.mean(-1, keepdim=True)) / torch.sqrt(h.var(-1, correction=0, keepdim=True) + 0.1) * t)
        return grad((y**2).sum(), x, a, t)

    def scored(self, x, a, q, g):
        h = x @ a
        score = F.leaky_relu(h[g.source] + h[g.target], 0.2) @ q / 8
        return grad((g.attend(score, h[g.source]) ** 2).sum(), x, a, q)

    def forces(self, p, h, a, c, g, w):
        r = torch.sqrt(((p[g.source] - p[g.target]) ** 2).sum(-1) + 0.5)
        bumps = torch.exp(-((r[:, None] - torch.arange(8, dtype=r.dtype) / 2) ** 2))
        m = g.sum(torch.tanh(F.softplus(bumps @ a) @ c) * (h @ c)[g.source])
        f = -grad(torch.tanh(m / 8).sum(), p)
        return (f, *grad((w * f).sum(), a, c))
