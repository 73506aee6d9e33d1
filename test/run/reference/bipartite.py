"""Graph convolutions between two kinds of nodes, and more of their settings, against PyTorch Geometric (not needed where expected
values are only read)."""

import torch.nn.functional as F

from graphs import EDGE, D, graphs, mlp
from program import Case, integers, members, narrow, uniform
from rounds import around

BLOCKS = ((1, 1, 0), (1, 1, 3), (3, 5, 0), (7, 4, 40), (33, 65, 130))  # sources, targets, edges
TO = 9


class bipartite(graphs):
    inputs = {"w": uniform(0, 1), "kind": integers(0, 3), "members": members}
    cases = (
        [Case(e, {"S": s, "T": t, "E": n}) for e in ("sages", "gatv2s", "transformers", "others") for s, t, n in BLOCKS]
        + [Case(e, {"S": 20, "T": 17, "E": 64}, {"g": narrow}) for e in ("sages", "gatv2s", "transformers", "others")]
        + [c for entry in ("plain", "attentive", "edges") for c in around(entry, {})]
        + [Case("readout", {"N": n, "G": g}) for n, g in ((0, 2), (1, 1), (7, 3), (3, 5), (64, 4))]
    )

    def sages(self, x, y, g):
        both = self.conv("sage", "SAGEConv", (D, TO), 7)((x, y), self.ends(g))
        alone = self.conv("sagemax", "SAGEConv", D, 7, aggr="max", root_weight=False, normalize=True, bias=False)
        return both, alone((x, F.pad(y, (0, D - TO))), self.ends(g))

    def gatv2s(self, x, y, g, w):
        a = self.conv("gatv2", "GATv2Conv", (D, TO), 6, heads=4, edge_dim=EDGE, residual=True, concat=False, add_self_loops=False)
        b = self.conv("gatv2shared", "GATv2Conv", D, 6, heads=2, share_weights=True, add_self_loops=False)
        return a((x, y), self.ends(g), w), b((x, F.pad(y, (0, D - TO))), self.ends(g))

    def transformers(self, x, y, g, w):
        from torch_geometric.nn import TransformerConv

        a = self.conv("transformer", "TransformerConv", (D, TO), 6, heads=4, edge_dim=EDGE, concat=False)
        b = TransformerConv((D, TO), 6, heads=2, root_weight=False, bias=False)
        del b.lin_skip  # is there, but not used
        return a((x, y), self.ends(g), w), self.module("unrooted", b)((x, y), self.ends(g))

    def others(self, x, y, g):
        gin = self.conv("gin", "GINConv", mlp(D, 16, 7), eps=0.5)
        return gin((x, y), self.ends(g)), self.conv("edgeconv", "EdgeConv", mlp(2 * D, 16, 7))((x, y), self.ends(g))

    def plain(self, x, g, w):
        a = self.conv("gcn", "GCNConv", D, 7, normalize=False, bias=False)
        b = self.conv("gcnloops", "GCNConv", D, 7, add_self_loops=False, bias=False)
        return a(x, self.ends(g), w), b(x, self.ends(g), w)

    def attentive(self, x, g, v):
        a = self.conv("gat", "GATConv", D, 6, heads=2, add_self_loops=False, negative_slope=0.1, edge_dim=EDGE)
        b = self.conv("gat1", "GATConv", D, 7, bias=False)
        c = self.conv("gatv2alone", "GATv2Conv", D, 6, heads=2, add_self_loops=False, share_weights=True, bias=False, edge_dim=EDGE)
        return a(x, self.ends(g), v), b(x, self.ends(g)), c(x, self.ends(g), v)

    def edges(self, x, g, u, v, kind):
        a = self.conv("gine", "GINEConv", mlp(D, 16, 7), train_eps=True)
        b = self.conv("rgcn", "RGCNConv", D, 8, 3, num_blocks=2, root_weight=False, bias=False)
        c = self.conv("nnconv", "NNConv", D, 7, mlp(EDGE, 8, D * 7), bias=False)
        return a(x, self.ends(g), u), b(x, self.ends(g), kind), c(x, self.ends(g), v)

    def readout(self, x, g):
        return self.conv("attention", "AttentionalAggregation", mlp(D, 8, 1), mlp(D, 8, 7))(x, g.target, dim_size=g.targets)
