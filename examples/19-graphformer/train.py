"""Trains the weights of graphformer.nn: python3 train.py (needs torch, safetensors, and transformers 4, which has Graphormer).

Each graph is one ring of 5, 6 or 7 nodes with trees on it. Writes graphformer.safetensors, and graphs.txt with 150 graphs that
training has not seen: length of the ring, the model's scores of 5, 6, 7, count of nodes, edges.
"""

import pathlib
import random

import torch
from safetensors.torch import save_file
from transformers import GraphormerConfig, GraphormerForGraphClassification

here = pathlib.Path(__file__).resolve().parent
torch.set_num_threads(1)
torch.manual_seed(1)
random.seed(1)


def graph(length):
    """(count of nodes, [(a, b)])"""
    count = random.randint(9, 15)
    edges = [(i, (i + 1) % length) for i in range(length)] + [(random.randrange(i), i) for i in range(length, count)]
    number = random.sample(range(count), count)
    return count, sorted(tuple(sorted((number[a], number[b]))) for a, b in edges)


def distances(count, edges):
    """Floyd and Warshall's."""
    d = torch.full((count, count), 1000).fill_diagonal_(0)
    for a, b in edges:
        d[a, b] = d[b, a] = 1
    for k in range(count):
        d = torch.minimum(d, d[:, k : k + 1] + d[k : k + 1])
    return d


def batch(graphs):
    """What GraphormerDataCollator makes of graphs without features, here without bias by the kinds of edges."""
    size, n = len(graphs), max(count for count, _ in graphs)
    nodes, degree, spatial = (torch.zeros(size, n, *more, dtype=torch.long) for more in ([1], [], [n]))
    for i, (count, edges) in enumerate(graphs):
        d = distances(count, edges)
        nodes[i, :count] = 1
        degree[i, :count] = (d == 1).sum(1) + 1
        spatial[i, :count, :count] = d + 1
    return {
        "input_nodes": nodes,
        "in_degree": degree,
        "out_degree": degree,
        "spatial_pos": spatial,
        "attn_bias": torch.zeros(size, n + 1, n + 1),
        "attn_edge_type": torch.zeros(size, n, n, 1, dtype=torch.long),
        "input_edges": None,
    }


def pick(data, rows):
    """Some graphs of a batch."""
    return {key: value if value is None else value[rows] for key, value in data.items()}


config = GraphormerConfig(
    num_classes=3, num_atoms=2, num_edges=1, num_in_degree=16, num_out_degree=16, num_spatial=20, edge_type="single",
    num_hidden_layers=3, embedding_dim=32, ffn_embedding_dim=64, num_attention_heads=4,
    dropout=0.0, attention_dropout=0.0, activation_dropout=0.0,
)  # fmt: skip
model = GraphormerForGraphClassification(config)
for module in model.encoder.graph_encoder.modules():
    if isinstance(module, (torch.nn.Linear, torch.nn.Embedding)):
        torch.nn.init.normal_(module.weight, std=0.1)
    if getattr(module, "padding_idx", None) is not None:
        torch.nn.init.zeros_(module.weight[module.padding_idx])
drawn = [graph(5 + i % 3) for i in range(6150)]
label = torch.tensor([i % 3 for i in range(6150)])
data = batch(drawn)
steps = 2000
optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=1e-2)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps, pct_start=0.1)
for step in range(steps):
    rows = torch.randint(150, len(drawn), (64,))
    loss = torch.nn.functional.cross_entropy(model(**pick(data, rows)).logits, label[rows])
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    if step % 250 == 249:
        print(step + 1, f"{loss.item():.4f}", flush=True)

for p in model.parameters():
    p.data = p.to(torch.bfloat16).float()  # as the file has them
model.eval()
with torch.no_grad():
    test = pick(data, slice(0, 150))
    scores = model(**test).logits
    print((scores.argmax(-1) == label[:150]).sum().item(), "of 150 are right")
    test["spatial_pos"] = test["spatial_pos"].clamp(max=2)
    print((model(**test).logits.argmax(-1) == label[:150]).sum().item(), "when all distances are 1")
save_file({name: p.to(torch.bfloat16) for name, p in model.state_dict().items()}, here / "graphformer.safetensors")
with open(here / "graphs.txt", "w") as file:
    for (count, edges), right, score in zip(drawn, label.tolist(), scores.tolist()):
        print(5 + right, *(f"{s:.9g}" for s in score), count, *(f"{a}-{b}" for a, b in edges), file=file)
