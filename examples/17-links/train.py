"""Trains the weights of links.nn with PyTorch Geometric: python3 train.py (needs torch, torch_geometric, safetensors).

One of five links is held out. Writes links.safetensors and pairs.csv: each pair of members, whether it is no link (0), one
that is held out (1) or a known one (2), and the three scores that PyTorch computes.
"""

import csv
import pathlib

import torch
from safetensors.torch import save_file
from torch.nn import Bilinear, Linear, Module, ReLU, Sequential
from torch_geometric.nn import GCNConv

here = pathlib.Path(__file__).resolve().parent
torch.set_num_threads(1)
torch.manual_seed(1)

rows = [[int(v) for v in row] for row in csv.reader(open(here.parent / "16-karate" / "edges.csv"))]
links = torch.tensor([[a, b] for a, b in rows if a < b])
known = torch.ones(len(links), dtype=torch.bool)
known[torch.randperm(len(links))[: len(links) // 5]] = False

members = 34
edges = torch.cat([links[known], links[known].flip(1)]).T
x = torch.eye(members)


class Links(Module):
    def __init__(self, d=16):
        super().__init__()
        self.conv1, self.conv2 = GCNConv(members, d), GCNConv(d, d)
        self.bilinear = Bilinear(d, d, 1)
        self.mlp = Sequential(Linear(2 * d, 32), ReLU(), Linear(32, 1))

    def encode(self):
        h = torch.nn.functional.dropout(torch.relu(self.conv1(x, edges)), 0.5, self.training)
        return self.conv2(h, edges)

    def heads(self, z, a, b):
        za, zb = z[a], z[b]
        return torch.stack([(za * zb).sum(-1), self.bilinear(za, zb)[:, 0], self.mlp(torch.cat([za, zb], -1))[:, 0]])


def auc(scores, truth):
    """How often a held-out link has a higher score than a pair that is no link."""
    yes, no = scores[truth], scores[~truth]
    return ((yes[:, None] > no).float() + (yes[:, None] == no).float() / 2).mean().item()


a, b = torch.triu_indices(members, members, 1)
link, hidden = torch.zeros(2, members, members, dtype=torch.bool)
link[links[:, 0], links[:, 1]] = True
hidden[links[~known][:, 0], links[~known][:, 1]] = True
open_pairs = hidden[a, b] | ~link[a, b]  # what training has not been told
model = Links()
optimizer = torch.optim.Adam(model.parameters(), 0.01, weight_decay=5e-4)
for step in range(300):
    z = model.encode()
    guess = torch.randint(int(open_pairs.sum()), (edges.shape[1],))
    yes = model.heads(z, edges[0], edges[1])
    no = model.heads(z, a[open_pairs][guess], b[open_pairs][guess])
    loss = torch.nn.functional.softplus(-yes).mean() + torch.nn.functional.softplus(no).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

with torch.no_grad():
    scores = model.eval().heads(model.encode(), a, b)
for name, row in zip(("product", "form", "net"), scores[:, open_pairs]):
    print(name, f"{auc(row, hidden[a, b][open_pairs]):.3f}")
save_file(model.state_dict(), here / "links.safetensors")
kinds = hidden.int() + 2 * (link & ~hidden).int()
rows = zip(a.tolist(), b.tolist(), kinds[a, b].tolist(), *scores.tolist())
(here / "pairs.csv").write_text("".join(f"{i},{j},{k},{s:.9g},{t:.9g},{u:.9g}\n" for i, j, k, s, t, u in rows))
