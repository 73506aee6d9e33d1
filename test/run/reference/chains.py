"""Neighbourhoods one after the other."""

import torch

from graphs import GRAPHS
from program import Case, Program, integers, members, narrow, values

D = 9


def around(entry, sizes, **inputs):
    return [Case(entry, {"N": n, "E": e, **sizes}, inputs) for n, e in GRAPHS] + [Case(entry, {"N": 17, "E": 64, **sizes}, {"g": narrow, **inputs})]


class chains(Program):
    types = ("f32", "f64", "bf16")
    row = "all"
    inputs = {"members": members, "colour": integers(-3, 4), "rounds": integers(0, 2)}
    cases = (
        [c for entry in ("softmax", "dealt", "colours") for c in around(entry, {})]
        + [c for size in (1, 4) for c in around("whole", {"G": size})]
        + [c for t in (0, 1, 3) for c in around("edges", {"T": t})]
        + [Case("followed", {"N": n, "E": e}, {"parent": integers(0, n)}) for n, e in GRAPHS]
        + [Case("followed", {"N": 3, "E": 9}, {"parent": values(0, bad, bad)}, fails=(1, "an index of `x`")) for bad in (3, -1)]
        + [Case("walk", {"S": s, "D": t, "E": e}) for s, t, e in ((1, 1, 0), (1, 1, 3), (3, 5, 0), (7, 4, 40), (33, 65, 130), (65, 33, 130), (5, 2, 40), (2, 5, 9))]
    )

    def softmax(self, s, x, g):
        weight = g.softmax(s)
        return weight, g.sum(weight[:, None] * x[g.source])

    def whole(self, x, g, members):
        z = self.linear("up", members.sum(x), D).relu()
        h = torch.tanh(self.linear("down", x + z[members.target], D) + g.mean(x[g.source]))
        return h, members.max(h)

    def edges(self, x, w, g, rounds):
        names = {f"{kind}_{way}": (3 * D, *shape) for way in ("ih", "hh") for kind, shape in (("weight", (D,)), ("bias", ()))}
        cell = torch.nn.GRUCell(D, D).to(self.type)
        cell.load_state_dict({name: self.param(f"cell.{name}", *shape) for name, shape in names.items()})
        h, f = x, w
        for _ in rounds:
            f = cell(f, h[g.source] + h[g.target])
            h = torch.tanh(h + g.mean(f))
        return h, f

    def dealt(self, x, g, w):
        for i in range(3):
            x = torch.tanh(x + self.linear(f"layers.{i}.lin", g.sum(w[i][:, None] * x[g.source]), D))
        return x

    def colours(self, colour, g):
        most = g.max(colour[g.source])
        return g.sum((colour[g.source] == colour[g.target]).long()), most, most < colour

    def followed(self, x, parent, g):
        g = g.where(parent[g.source] != g.target)
        return g.sum(x[parent[g.source]] * x[g.target][:, :1])

    def walk(self, x, g):
        back = g.reverse()
        a = g.mean(x[g.source])
        return back.sum(a[back.source]), back.sum(g.count().to(x.dtype)[back.source])
