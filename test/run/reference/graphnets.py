"""Whole networks over graphs, of the layers of PyTorch Geometric (not needed where expected values are only read)."""

import torch
import torch.nn.functional as F

from graphs import graphs, mlp
from models import attend, heads_of
from program import Case, integers, members, narrow, values
from rounds import GRAPHS, Messages, around

FEATURES, D, EDGE, KINDS = 10, 12, 5, 3


class graphnets(graphs):
    types = ("f32", "f64")
    row = "all"
    inputs = {"kind": integers(0, KINDS), "members": members, "atom": integers(0, 6), "degree": integers(0, 6), "distance": integers(0, 8)}
    cases = (
        [c for entry in ("nodes", "entities", "sparse") for c in around(entry, {})]
        + [Case("molecules", {"N": n, "E": e, "G": g}) for n, e in GRAPHS for g in (1, 4)]
        + [Case("molecules", {"N": 17, "E": 64, "G": 5}, {"g": narrow})]
        + [Case("links", {"N": 13, "E": e, "P": p}, {"a": integers(0, 13), "b": integers(0, 13)}) for e in (0, 17) for p in (0, 1, 9)]
        + [Case("links", {"N": 3, "E": 4, "P": 3}, {"a": values(0, 1, 2), "b": values(0, bad, 1)}, fails=(1, "`b` holds")) for bad in (3, -1)]
        + [Case("dense", {"B": b, "N": n}, {"keep": kind}) for b, n in ((0, 3), (1, 1), (3, 5), (2, 17)) for kind in (values(1), integers(0, 2))]
        + [Case("dense", {"B": 1, "N": 3}, {"distance": values(1, 8)}, fails=(1, "not in 0 .. 7"))]
    )  # fmt: skip

    def nodes(self, x, g):
        ends = self.ends(g)
        h = F.elu(self.conv("node1", "GATConv", FEATURES, 3, heads=4)(x, ends))
        h = F.relu(self.conv("node2", "GINConv", mlp(D, 16, D))(h, ends))
        return self.conv("node3", "GCNConv", D, 4)(h, ends)

    def entities(self, x, g, kind):
        h = F.relu(self.conv("entity1", "RGCNConv", FEATURES, D, KINDS)(x, self.ends(g), kind))
        return self.conv("entity2", "RGCNConv", D, 4, KINDS, num_bases=2)(h, self.ends(g), kind)

    def molecules(self, x, g, w, members):
        h = self.conv("conv", "GATv2Conv", D, 3, heads=4, edge_dim=EDGE)(self.linear("embed", x, D), self.ends(g), w)
        h = self.module("body", Messages(rounds=2))(F.relu(h), self.ends(g), w)
        return self.perceptron("head", torch.cat((members.sum(h), members.max(h), members.mean(h)), -1), 8, 16, F.relu)

    def links(self, x, g, a, b):
        h = F.relu(self.conv("link1", "SAGEConv", FEATURES, D)(x, self.ends(g)))
        z = self.conv("link2", "SAGEConv", D, D)(h, self.ends(g))
        return (z[a] * z[b]).sum(-1)

    def sparse(self, x, g, w):
        x = self.linear("first", x, D)
        for i in range(2):
            p = f"blocks.{i}"
            x = x + self.conv(f"{p}.conv", "TransformerConv", D, D // 3, heads=3, edge_dim=EDGE)(self.normed(f"{p}.norm1", x), self.ends(g), w)
            x = x + self.perceptron(f"{p}.mlp", self.normed(f"{p}.norm2", x), 4 * D, D, F.gelu)
        return self.linear("last", x, 4)

    def dense(self, atom, degree, distance, keep):
        x = self.param("atoms.weight", 6, D)[atom] + self.param("degrees.weight", 6, D)[degree]
        for i in range(2):
            p = f"layers.{i}"
            q, k, v = (heads_of(t, 3) for t in self.linear(f"{p}.qkv", self.normed(f"{p}.norm1", x), 3 * D).chunk(3, -1))
            bias = self.param(f"{p}.bias", 8, 3)[distance].permute(0, 3, 1, 2)
            x = x + self.linear(f"{p}.out", attend(q, k, v, keep[:, None, None], 0.5, bias), D)
            x = x + self.perceptron(f"{p}.mlp", self.normed(f"{p}.norm2", x), 4 * D, D, F.gelu)
        weight = keep.to(x.dtype)[:, :, None]
        y = (self.normed("norm", x) * weight).sum(1) / weight.sum(1).clamp(min=1)
        return self.linear("energy", y, 16)

    def normed(self, path, x):
        return F.layer_norm(x, (D,), self.param(f"{path}.weight", D), self.param(f"{path}.bias", D))

    def perceptron(self, path, x, hidden, out, act):
        return self.linear(f"{path}.2", act(self.linear(f"{path}.0", x, hidden)), out)
