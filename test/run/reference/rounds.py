"""Graph networks that go round, against PyTorch Geometric (not needed where expected values are only read)."""

import torch
from torch.nn import GRU, GRUCell, Module

from graphs import EDGE, D, graphs, mlp
from program import Case, integers, narrow, uniform

# No node, one node, no edge, a loop, several loops of one node, nodes without an edge, many edges between the same nodes.
GRAPHS = ((0, 0), (1, 0), (1, 1), (1, 4), (2, 5), (7, 0), (13, 17), (33, 130))


def around(entry, sizes, **inputs):
    """Every graph, and one with edges between half of the nodes."""
    return [Case(entry, {"N": n, "E": e, **sizes}, inputs) for n, e in GRAPHS] + [Case(entry, {"N": 17, "E": 64, **sizes}, {"g": narrow, **inputs})]


class Messages(Module):
    """MPNN of the prelude: NNConv and a GRU with shared weights."""

    def __init__(self, rounds=3):
        from torch_geometric.nn import NNConv

        super().__init__()
        self.rounds = rounds
        self.conv = NNConv(D, D, mlp(EDGE, 8, D * D), aggr="mean", root_weight=False)
        self.gru = GRU(D, D)

    def forward(self, x, ends, v):
        h = x
        for _ in range(self.rounds):
            h = self.gru(torch.relu(self.conv(h, ends, v))[None], h[None])[1][0]
        return h


class rounds(graphs):
    inputs = {"w": uniform(0, 1), "rounds": integers(-1, 2)}
    cases = (
        [c for entry in ("appnps", "mpnns", "gateds") for c in around(entry, {})]
        + [Case("deep", {"N": n, "E": e}, {"w": uniform(-2, 2)}) for n, e in GRAPHS]
        + [c for f in (0, 9) for c in around("twice", {"F": f}) if f == 0 or c.sizes["N"] > 0]
        + [c for t in (0, 1, 3) for entry in ("series", "again") for c in around(entry, {"T": t})]
    )

    def appnps(self, x, g, w):
        from torch_geometric.nn import APPNP

        return APPNP(3, 0.2)(x, self.ends(g), w), APPNP(1, 0.5, add_self_loops=False)(x, self.ends(g))

    def mpnns(self, x, g, v):
        return self.module("mpnn", Messages())(x, self.ends(g), v)

    def gateds(self, x, g, w):
        return self.conv("gated", "GatedGraphConv", 17, 3)(x, self.ends(g), w), self.conv("gated1", "GatedGraphConv", D, 1, bias=False)(x, self.ends(g))

    def gcn(self):
        return self.conv("gcn", "GCNConv", D, D)

    def gat(self):
        return self.conv("gat", "GATConv", D, 4, heads=3)

    def twice(self, x, g, other):
        gcn, gat = self.gcn(), self.gat()
        return gcn(gcn(x, self.ends(g)).relu(), self.ends(other)), gat(x, self.ends(g)) + gat(x, self.ends(g.reverse()))

    def series(self, x, g):
        gcn, gat, gru = self.gcn(), self.gat(), self.module("gru", GRUCell(D, D))
        h, rows = x.new_zeros(x.shape[1:]), []
        for xt in x:
            h = gru(gat(xt, self.ends(g)) + gcn(h, self.ends(g)), h)
            rows.append(h)
        return torch.stack(rows) if rows else x, h

    def again(self, x, g, rounds):
        back, h = g.reverse(), x
        for r in rounds:
            h = torch.tanh(g.mean(h[g.source]) + back.max(h[back.source] - h[back.target])) + r.to(x.dtype) * x
        return h

    def deep(self, x, g, w):
        for i in range(3):
            x = self.conv(f"steps.{i}", "GINEConv", mlp(D, 16, D), train_eps=True)(x, self.ends(g), w).tanh()
        return x
