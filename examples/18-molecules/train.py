"""Trains the weights of molecules.nn with PyTorch Geometric: python3 train.py (needs torch, torch_geometric, safetensors).

The molecules are drawn: chains and rings of carbon with groups attached, half of them with an acid group -C(=O)OH, the others
with what resembles it: esters, amides, ketones beside alcohols, two -OH on one carbon. Writes molecules.safetensors, and molecules.txt
with 200 molecules that training has not seen: is it an acid (0 or 1), PyTorch's score, elements, bonds.
"""

import pathlib
import random

import torch
from safetensors.torch import save_file
from torch.nn import Embedding, Linear, Module, ModuleList, ReLU, Sequential
from torch_geometric.data import Batch, Data
from torch_geometric.nn import GINEConv, global_add_pool

here = pathlib.Path(__file__).resolve().parent
torch.set_num_threads(1)
torch.manual_seed(1)
random.seed(1)
VALENCE = {"C": 4, "N": 3, "O": 2}
# Each group: elements, and bonds between them; -1 is the carbon that it hangs on.
ACID = "COO", [(-1, "-", 0), (0, "=", 1), (0, "-", 2)]
OTHERS = [
    ("COOC", [(-1, "-", 0), (0, "=", 1), (0, "-", 2), (2, "-", 3)]),  # ester
    ("CON", [(-1, "-", 0), (0, "=", 1), (0, "-", 2)]),  # amide
    ("COO", [(-1, "-", 0), (0, "-", 1), (0, "-", 2)]),  # two alcohols on one carbon
    ("COCO", [(-1, "-", 0), (0, "=", 1), (0, "-", 2), (2, "-", 3)]),  # ketone beside alcohol
    ("O", [(-1, "-", 0)]),  # alcohol
    ("O", [(-1, "=", 0)]),  # ketone or aldehyde
    ("N", [(-1, "-", 0)]),  # amine
    ("C", [(-1, "=", 0)]),  # double bond
]


def molecule(acid):
    """(elements, [(a, kind, b)])"""
    elements, bonds = ["C"] * random.randint(3, 8), []
    free = [4] * len(elements)

    def join(a, kind, b):
        bonds.append((a, kind, b))
        free[a] -= 1 + (kind == "=")
        free[b] -= 1 + (kind == "=")

    for i in range(1, len(elements)):
        join(random.choice([j for j in range(i) if free[j] > 1]), "-", i)
    if random.random() < 0.4 and len(elements) > 4:
        a, b = random.sample([i for i in range(len(elements)) if free[i] > 1], 2)
        if not {(a, "-", b), (b, "-", a)} & set(bonds):
            join(a, "-", b)
    for group in [ACID] * acid + random.choices(OTHERS, k=random.randint(1, 3) + (not acid)):
        need = 1 + (group[1][0][1] == "=")
        taken = {i for a, _, b in bonds for i, j in ((a, b), (b, a)) if elements[j] in "ON"}
        places = [i for i, e in enumerate(elements) if e == "C" and free[i] >= need and i not in taken]
        if not places:
            continue
        first, place = len(elements), random.choice(places)
        elements.extend(group[0])
        free.extend(VALENCE[e] for e in group[0])
        for a, kind, b in group[1]:
            join(place if a < 0 else first + a, kind, first + b)
    order = random.sample(range(len(elements)), len(elements))  # where a group stands says nothing
    number = {old: new for new, old in enumerate(order)}
    return "".join(elements[i] for i in order), sorted((number[a], kind, number[b]) for a, kind, b in bonds)


def is_acid(elements, bonds):
    """By definition, whatever has been drawn: a carbon with =O and with an -O that has no other bond."""
    near = [[] for _ in elements]
    for a, kind, b in bonds:
        near[a].append((kind, b))
        near[b].append((kind, a))
    double_bonded = [i for i, e in enumerate(elements) if e == "C" and any(k == "=" and elements[j] == "O" for k, j in near[i])]
    return any(k == "-" and elements[j] == "O" and len(near[j]) == 1 for i in double_bonded for k, j in near[i])


def data(elements, bonds):
    ends = torch.tensor([[a, b] for a, _, b in bonds]).T
    kinds = torch.tensor([int(k == "=") for _, k, _ in bonds])
    return Data(
        x=torch.tensor(["CNO".index(e) for e in elements]),
        edge_index=torch.cat([ends, ends.flip(0)], 1),
        kind=torch.cat([kinds, kinds]),
        y=torch.tensor([float(is_acid(elements, bonds))]),
    )


class Molecules(Module):
    def __init__(self, d=24, depth=3):
        super().__init__()
        self.atom_table, self.bond_table = Embedding(3, d), Embedding(2, d)
        self.convs = ModuleList(GINEConv(Sequential(Linear(d, d), ReLU(), Linear(d, d))) for _ in range(depth))
        self.head = Sequential(Linear(d, d), ReLU(), Linear(d, 1))

    def forward(self, batch):
        h, bond = self.atom_table(batch.x), self.bond_table(batch.kind)
        for conv in self.convs:
            h = torch.relu(conv(h, batch.edge_index, bond))
        return self.head(global_add_pool(h, batch.batch))[:, 0]


drawn = [molecule(i % 2) for i in range(1200)]
train, test = [data(*m) for m in drawn[200:]], Batch.from_data_list([data(*m) for m in drawn[:200]])
model = Molecules()
steps = 1500
optimizer = torch.optim.AdamW(model.parameters(), 5e-3, weight_decay=1e-2)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, steps)
for step in range(steps):
    batch = Batch.from_data_list(random.sample(train, 32))
    loss = torch.nn.functional.binary_cross_entropy_with_logits(model(batch), batch.y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    if step % 300 == 299:
        print(step + 1, f"{loss.item():.4f}")

with torch.no_grad():
    scores = model(test)
    everything = Batch.from_data_list(train)
    print(((model(everything) > 0) == (everything.y > 0)).sum().item(), "of", len(train), "training")
    print(((scores > 0) == (test.y > 0)).sum().item(), "of", len(scores), "test,", int(test.y.sum()), "acids")
    test.kind.zero_()
    print(((model(test) > 0) == (test.y > 0)).sum().item(), "without the kinds of bonds")
save_file(model.state_dict(), here / "molecules.safetensors")
with open(here / "molecules.txt", "w") as file:
    for (elements, bonds), score in zip(drawn, scores.tolist()):
        print(int(is_acid(elements, bonds)), f"{score:.9g}", elements, *(f"{a}{kind}{b}" for a, kind, b in bonds), file=file)
