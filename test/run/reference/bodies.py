"""Layers, products and typed weights in the bodies of neighbourhoods."""

import torch

from program import Case, Program, integers, narrow

GRAPHS = ((1, 0), (1, 1), (2, 5), (7, 0), (13, 7), (16, 33), (33, 130))


def cases(entry, *graphs, **sizes):
    every = [Case(entry, {**{k: f(n) for k, f in sizes.items()}, "E": e}) for n, e in graphs or GRAPHS]
    return every + [Case(entry, {**{k: f(17) for k, f in sizes.items()}, "E": 64}, {"g": narrow})]


class bodies(Program):
    N = {"N": lambda n: n}
    inputs = {"kind": integers(0, 3)}
    cases = (
        cases("edges", **N) + cases("largest", **N) + cases("average", S=lambda n: n, D=lambda n: n // 2 + 1) + cases("difference", **N)
        + cases("typed", **N) + cases("read", **N) + cases("score", **N)
        + [Case("typed", {"N": 5, "E": 9}, {"kind": integers(0, 4)}, (1, "must be in 0 .. 2"))]
    )  # fmt: skip

    def message(self, x, g, w):
        h = torch.cat([x[g.source], x[g.target], w], -1)
        return self.linear("message2", torch.relu(self.linear("message1", h, 17)), 9)

    def edges(self, x, g, w):
        return g.sum(self.message(x, g, w))

    def largest(self, x, g, w):
        return g.max(self.message(x, g, w))

    def average(self, x, y, g):
        return g.mean(self.linear("narrow", x[g.source] * y[g.target], 5)), g.mean(self.linear("wide", x[g.source], 33, bias=False))

    def difference(self, x, g):
        return torch.tanh(self.linear("narrow", x[g.source] - x[g.target], 5))

    def typed(self, x, g, kind):
        m = (x[g.source].unsqueeze(1) @ self.param("weight", 3, 12, 7)[kind]).squeeze(1)
        keep = g.source != g.target
        return g.sum(m), g.where(keep).mean(m[keep]), g.max(m)

    def read(self, x, g, kind):
        h = self.linear("narrow", self.param("table", 3, 12)[kind] * x[g.target], 5)
        return g.sum(h * torch.exp(x[g.source, kind]).unsqueeze(-1))

    def score(self, x, g, w):
        return g.attend(self.message(x, g, w)[:, 0], self.linear("narrow", x[g.source] + x[g.target], 5))
