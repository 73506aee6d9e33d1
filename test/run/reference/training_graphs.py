"""Graph networks that learn, of the layers of PyTorch Geometric (not needed where expected values are only read)."""

import torch
import torch.nn.functional as F
from torch import nn

from program import Case, integers, members, narrow, uniform, values
from rounds import EDGE, D, Messages
from training import STEPS, sequence
from training_modules import BatchNorm1d, Modules, entropy

FEATURES, CLASSES = 10, 4
WHOLE, BATCH = {"N": 17, "E": 40}, {"N": 23, "E": 50, "G": 5}
SOME = {"label": values(2, -100, 0, -100, -100, 1, 3, -100, 1)}  # only a few nodes' classes are known
# One node, no edge at all, loops, nodes without an edge, many edges between the same nodes.
GRAPHS = ((1, 0, {}), (1, 3, {}), (7, 0, {}), (13, 17, {}), (33, 130, {}), (17, 64, {"g": narrow}))


def step(name, lr, sizes, **inputs):
    return Case(f"{name}_step", sizes, {"lr": values(lr), **inputs}, samples=3)


def steps(name, lr, sizes=WHOLE):
    return sequence(*[step(name, lr, sizes)] * STEPS)


def singles(name, lr, least=1, **sizes):
    """The derivatives of each parameter on some graphs; and a run of steps on one graph after the other."""
    around = [({"N": n, "E": e, **sizes}, inputs) for n, e, inputs in GRAPHS if n >= least]
    return [*(step(name, 4 * lr, s, **i) for s, i in around[1::2]), sequence(*(step(name, lr / 4, s, **i) for s, i in around))]


def layers(name, *settings, **more):
    import torch_geometric.nn

    return getattr(torch_geometric.nn, name)(*settings, **more)


def perceptron(a, b, c, act=nn.ReLU):
    return nn.Sequential(nn.Linear(a, b), act(), nn.Linear(b, c))


class Network(nn.Module):
    def __init__(self, act=None, **parts):
        super().__init__()
        self.act = act
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x, g, *more):
        ends = torch.stack([g.source, g.target])
        return self.conv2(self.act(self.conv1(x, ends, *more)), ends, *more)


class Isomorphism(Network):
    def forward(self, x, g, members):
        ends = torch.stack([g.source, g.target])
        h = torch.tanh(self.norm(self.conv1(x, ends)))
        return self.head(members.sum(self.conv2(h, ends)))


class Molecule(Network):
    def forward(self, x, g, v, members):
        h = self.body(F.relu(self.embed(x)), torch.stack([g.source, g.target]), v)
        return self.head(torch.cat((members.max(h), members.mean(h)), -1))


NETWORKS = {
    "gcn": lambda: Network(F.relu, conv1=layers("GCNConv", FEATURES, D), conv2=layers("GCNConv", D, CLASSES, improved=True)),
    "sage": lambda: Network(
        torch.tanh,
        conv1=layers("SAGEConv", FEATURES, D, project=True),
        conv2=layers("SAGEConv", D, CLASSES, aggr="max", normalize=True),
    ),
    "gat": lambda: Network(
        F.elu, conv1=layers("GATConv", FEATURES, 3, heads=4), conv2=layers("GATConv", D, CLASSES, heads=2, concat=False)
    ),
    "gatv2": lambda: Network(
        F.elu,
        conv1=layers("GATv2Conv", FEATURES, 3, heads=4, edge_dim=EDGE),
        conv2=layers("GATv2Conv", D, CLASSES, edge_dim=EDGE, residual=True),
    ),
    "gin": lambda: Isomorphism(
        conv1=layers("GINConv", perceptron(FEATURES, D, D), train_eps=True),
        norm=BatchNorm1d(D),
        conv2=layers("GINConv", perceptron(D, D, D, nn.Tanh)),
        head=nn.Linear(D, CLASSES),
    ),
    "mpnn": lambda: Molecule(
        embed=nn.Linear(FEATURES, D), body=Messages(rounds=2), head=perceptron(2 * D, 8, CLASSES)
    ),
}  # fmt: skip


class Graphs(Modules):
    def scores(self, name, *inputs):
        return self.network(name, NETWORKS[name])(*inputs)


class train_graphs(Graphs):
    inputs = {"x": uniform(-1, 1), "label": integers(0, CLASSES), "w": uniform(0.1, 1)}
    cases = [
        *(steps(name, 0.05) for name in ("gcn", "sage", "gat")), *singles("gcn", 0.1), *singles("sage", 0.1), *singles("gat", 0.1),
        # Steps without any row that counts go on by what the optimizer remembers.
        sequence(*[step("gcn", 0.05, WHOLE, **SOME)] * 3, step("gcn", 0.05, {"N": 0, "E": 0}), step("gcn", 0.05, WHOLE, label=values(-100))),
        sequence(*(step(name, 0.05, WHOLE) for name in ("gcn", "sage", "gat", "gcn", "gat", "sage", "sage"))),
    ]  # fmt: skip

    def gcn_step(self, x, g, w, label, lr):
        scores = self.scores("gcn", x, g, w)
        right = (scores.argmax(-1) == label).to(torch.float32).mean()
        return self.learn("gcn", entropy(scores, label), lr, lambda p: torch.optim.Adam(p, eps=0.1, weight_decay=0.01)), right

    def sage_step(self, x, g, label, lr):
        loss = F.cross_entropy(self.scores("sage", x, g), label, label_smoothing=0.1)
        return self.learn("sage", loss, lr, lambda p: torch.optim.SGD(p, lr=1, momentum=0.9))

    def gat_step(self, x, g, label, lr):
        loss = F.cross_entropy(self.scores("gat", x, g), label)
        return self.learn("gat", loss, lr, lambda p: torch.optim.AdamW(p, eps=0.1))


class train_messages(Graphs):
    inputs = {"x": uniform(-1, 1), "members": members, "label": integers(0, CLASSES)}
    parameters = {
        "gin.norm.running_var": uniform(0.5, 2), "gin.norm.num_batches_tracked": values(0), "gin.norm.weight": uniform(0.5, 1.5),
        "gin.head.weight": uniform(-0.1, 0.1),
    }  # fmt: skip
    cases = [
        steps("gatv2", 0.05), steps("gin", 0.02, BATCH), steps("mpnn", 0.02, BATCH), *singles("gatv2", 0.1), *singles("mpnn", 0.05, G=3),
        # Of two rows a batch norm makes 1 and -1 whatever they are: derivatives through it would be rounding.
        *singles("gin", 0.1, 7, G=4), sequence(*(step("gin", 0.02, {"N": n, "E": 3 * n, "G": 3}) for n in (9, 0, 1, 11))),
    ]  # fmt: skip

    def gatv2_step(self, x, g, v, label, lr):
        loss = F.cross_entropy(self.scores("gatv2", x, g, v), label)
        clip = lambda w: nn.utils.clip_grad_norm_(w, 0.5)
        return self.learn("gatv2", loss, lr, lambda p: torch.optim.Adam(p, eps=0.1), clip)

    def gin_step(self, x, g, members, label, lr):
        loss = F.cross_entropy(self.scores("gin", x, g, members), label)
        return self.learn("gin", loss, lr, lambda p: torch.optim.SGD(p, lr=1, momentum=0.9, nesterov=True))

    def mpnn_step(self, x, g, v, members, label, lr):
        loss = F.cross_entropy(self.scores("mpnn", x, g, v, members), label)
        return self.learn("mpnn", loss, lr, lambda p: torch.optim.AdamW(p, betas=(0.8, 0.999), eps=0.1, weight_decay=0.1))
