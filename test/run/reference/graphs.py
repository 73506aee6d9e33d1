"""Graph convolutions of the standard library against PyTorch Geometric (not needed where expected values are only read)."""

import torch
from torch.nn import Linear, ReLU, Sequential

from program import Case, Program, integers, members, narrow, uniform

GRAPHS = ((0, 0), (1, 0), (1, 1), (1, 4), (2, 5), (7, 0), (13, 17), (33, 130))
D, EDGE, KINDS = 12, 5, 3


def cases(*entries):
    return [
        Case(entry, {"N": n, "E": e}, {**inputs, **({"w": uniform(0, 1)} if entry == "gcns" else {})})
        for entry in entries
        for n, e, inputs in (*((n, e, {}) for n, e in GRAPHS), (17, 64, {"g": narrow}))
    ]


def mlp(a, b, c):
    return Sequential(Linear(a, b), ReLU(), Linear(b, c))


class graphs(Program):
    types = ("f32", "f64", "bf16")
    inputs = {"kind": integers(0, KINDS), "members": members}
    entries = "gcns sages gats gatv2s transformers gins rgcns nnconvs edgeconvs".split()
    cases = cases(*entries) + [Case("pools", {"N": n, "G": g}) for n, g in ((0, 1), (1, 1), (7, 3), (3, 5), (64, 4))]

    def module(self, path, module):
        """With the parameters of these names; what two names share has the first one."""
        own = [*module.named_parameters(), *module.named_buffers()]
        given = {name: self.param(f"{path}.{name}", *value.shape) for name, value in own}
        module = module.to(self.type).eval()
        module.load_state_dict(given, strict=False)
        for name, p in module.named_parameters():
            self.holds(f"{path}.{name}", p)
        return module

    def conv(self, path, name, *settings, **more):
        import torch_geometric.nn

        return self.module(path, getattr(torch_geometric.nn, name)(*settings, **more))

    @staticmethod
    def ends(g):
        return torch.stack([g.source, g.target])

    def gcns(self, x, g, w):
        ends = self.ends(g)
        return self.conv("gcn", "GCNConv", D, 7)(x, ends, w), self.conv("gcn1", "GCNConv", D, 7, improved=True, add_self_loops=False)(x, ends, w)

    def sages(self, x, g):
        kinds = {"sage": {}, "sagemax": {"aggr": "max", "normalize": True}, "sagepool": {"aggr": "max", "project": True}}
        return tuple(self.conv(path, "SAGEConv", D, 7, **more)(x, self.ends(g)) for path, more in kinds.items())

    def gats(self, x, g, w):
        edges = self.conv("gatedge", "GATConv", D, 6, heads=4, concat=False, edge_dim=EDGE, residual=True)
        return self.conv("gat", "GATConv", D, 6, heads=4)(x, self.ends(g)), edges(x, self.ends(g), w)

    def gatv2s(self, x, g, w):
        edges = self.conv("gatv2edge", "GATv2Conv", D, 6, heads=4, edge_dim=EDGE)
        return self.conv("gatv2", "GATv2Conv", D, 6, heads=4)(x, self.ends(g)), edges(x, self.ends(g), w)

    def transformers(self, x, g, w):
        edges = self.conv("transformer", "TransformerConv", D, 6, heads=4, edge_dim=EDGE)
        return edges(x, self.ends(g), w), self.conv("beta", "TransformerConv", D, 6, heads=4, beta=True)(x, self.ends(g))

    def gins(self, x, g, w):
        edges = self.conv("gine", "GINEConv", mlp(D, 16, 7), edge_dim=EDGE)
        return self.conv("gin", "GINConv", mlp(D, 16, 7))(x, self.ends(g)), edges(x, self.ends(g), w)

    def rgcns(self, x, g, kind):
        ways = {"rgcn": (7, {}), "bases": (7, {"num_bases": 2}), "blocks": (8, {"num_blocks": 4})}
        return tuple(self.conv(path, "RGCNConv", D, out, KINDS, **more)(x, self.ends(g), kind) for path, (out, more) in ways.items())

    def nnconvs(self, x, g, w):
        mean = self.conv("nnmean", "NNConv", D, 7, mlp(EDGE, 16, D * 7), aggr="mean", root_weight=False)
        return self.conv("nnconv", "NNConv", D, 7, mlp(EDGE, 16, D * 7))(x, self.ends(g), w), mean(x, self.ends(g), w)

    def edgeconvs(self, x, g):
        return self.conv("edgeconv", "EdgeConv", mlp(2 * D, 16, 7))(x, self.ends(g))

    def pools(self, x, g):
        rows = x[g.source]
        attention = self.conv("attention", "AttentionalAggregation", mlp(D, 8, 1))
        return g.sum(rows), g.mean(rows), g.max(rows), attention(x, g.target, dim_size=g.targets)
