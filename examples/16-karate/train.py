"""Trains the weights of karate.nn with PyTorch Geometric: python3 train.py (needs torch, torch_geometric, safetensors).

Four of the 34 members are labelled, one of each community; the others are only tested. Writes karate.safetensors and the scores
that PyTorch computes from it, expected.csv.
"""

import csv
import pathlib

import torch
from safetensors.torch import save_file
from torch.nn import Linear, Module, ReLU, Sequential
from torch_geometric.nn import GATConv, GCNConv, GINConv, SAGEConv

here = pathlib.Path(__file__).resolve().parent


def table(name):
    return torch.tensor([[int(v) for v in row] for row in csv.reader(open(here / name))])


edges, members = table("edges.csv").T, table("members.csv")
label, labelled = members[:, 0], members[:, 1].bool()
x = torch.eye(len(members))


class Network(Module):
    def __init__(self, conv1, conv2, act=torch.relu):
        super().__init__()
        self.conv1, self.conv2, self.act = conv1, conv2, act

    def forward(self, x):
        return self.conv2(torch.nn.functional.dropout(self.act(self.conv1(x, edges)), 0.5, self.training), edges)


def mlp(a, b, c):
    return Sequential(Linear(a, b), ReLU(), Linear(b, c))


torch.set_num_threads(1)
torch.manual_seed(1)
nets = torch.nn.ModuleDict(
    {
        "gcn": Network(GCNConv(34, 16), GCNConv(16, 4)),
        "sage": Network(SAGEConv(34, 16), SAGEConv(16, 4)),
        "gat": Network(GATConv(34, 4, heads=4), GATConv(16, 4), torch.nn.functional.elu),
        "gin": Network(GINConv(mlp(34, 16, 16)), GINConv(mlp(16, 16, 4))),
    }
)
lines = []
for name, net in nets.items():
    optimizer = torch.optim.Adam(net.parameters(), 0.01, weight_decay=5e-4)
    net.train()
    for step in range(50):
        loss = torch.nn.functional.cross_entropy(net(x)[labelled], label[labelled])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        scores = net.eval()(x)
    right = (scores.argmax(-1) == label)[~labelled].sum().item()
    print(f"{name}: {right} of {(~labelled).sum()} members without a label are right")
    lines += [",".join(f"{v:.9g}" for v in row) for row in scores.tolist()]

save_file(nets.state_dict(), here / "karate.safetensors")
(here / "expected.csv").write_text("\n".join(lines) + "\n")
