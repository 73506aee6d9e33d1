"""Graph layers beside PyTorch Geometric, on a graph of the size of ogbn-arxiv (169,343 nodes, 1,166,243 edges)."""

import torch

from peers import Contest

NODES, EDGES, FEATURES = 169_343, 1_166_243, 128


def random_graph(nodes, edges):
    """Targets with very different numbers of edges, as citations have them; no loops, no edge twice."""
    draw = torch.Generator().manual_seed(5)
    more = edges + edges // 4
    source = torch.randint(nodes, (more,), generator=draw)
    target = (nodes * torch.rand(more, generator=draw) ** 3).long()
    pairs = torch.unique((source * nodes + target)[source != target])
    pairs = pairs[torch.randperm(len(pairs), generator=draw)[:edges]]
    return pairs // nodes, pairs % nodes


def layer(title, text, conv, graph, x, peers):
    program = f"""
model Net {{
  use conv = {text}
  fn forward(x: float[N, {x.shape[1]}], g: graph[N, E]) -> float[N, _] {{ conv(x, g) }}
}}
"""
    n, (source, target) = x.shape[0], graph
    title = f"{title}, {n} nodes, {len(source)} edges, {x.shape[1]} features"
    return Contest(title, program, {"N": n, "E": len(source), "S": n, "T": n}, {"x": x, "g": (n, n, source, target)},
                   {f"conv.{k}": v for k, v in conv.state_dict().items()}, peers, tolerance=1e-3)  # fmt: skip


def contests():
    try:
        from torch_geometric import nn as pyg
    except ImportError:
        return print("graph layers: left out, torch_geometric is not installed")
    source, target = random_graph(NODES, EDGES)
    x, graph, edges = torch.randn(NODES, FEATURES), (source, target), torch.stack((source, target))
    rows = torch.sparse_coo_tensor(edges.flip(0), torch.ones(EDGES), (NODES, NODES)).to_sparse_csr()

    gcn = pyg.GCNConv(FEATURES, FEATURES).eval()
    yield layer("GCN", f"GCNConv[{FEATURES}, {FEATURES}]", gcn, graph, x, {"PyG, edges": lambda: gcn(x, edges), "PyG, CSR": lambda: gcn(x, rows)})
    sage = pyg.SAGEConv(FEATURES, FEATURES).eval()
    yield layer("SAGE", f"SAGEConv[{FEATURES}, {FEATURES}]", sage, graph, x, {"PyG, edges": lambda: sage(x, edges), "PyG, CSR": lambda: sage(x, rows)})
    gat = pyg.GATConv(FEATURES, FEATURES // 4, heads=4).eval()
    yield layer("GAT", f"GATConv[{FEATURES}, {FEATURES // 4}, heads = 4]", gat, graph, x, {"PyG, edges": lambda: gat(x, edges)})
