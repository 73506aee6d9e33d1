"""Attention, and an encoder of the shape of MiniLM (Wang et al. 2020), beside PyTorch."""

import pathlib

import torch
import torch.nn.functional as F

from peers import Contest

BERT = pathlib.Path(__file__).resolve().parents[2] / "language/programs/05_bert.nn"


def attention(queries, keys, causal=False, heads=8, width=64):
    domain = "causal(N)" if causal else "all(N, M)"
    more = "N" if causal else "M"
    text = f"""
model Net {{
  fn forward(q: float[H, N, {width}], k: float[H, {more}, {width}], v: float[H, {more}, {width}]) -> float[H, N, {width}] {{
    attend (h, j -> i) in {domain} {{
      score dot(q[h, i], k[h, j]) / sqrt({width})
      value v[h, j]
    }}
  }}
}}
"""
    q, k, v = (torch.randn(heads, n, width) for n in (queries, keys, keys))
    title = f"Attention, {'causal' if causal else 'full'}, {queries} queries, {keys} keys, {heads} x {width}"
    peer = lambda: F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=causal)
    return Contest(title, text, {"H": heads, "N": queries, "M": keys}, {"q": q, "k": k, "v": v}, {}, {"PyTorch": peer})


def backward(positions, causal=False, heads=8, width=64):
    """The derivatives of attention, from what its forward pass leaves: its result and the logarithms of its sums."""
    pairs = "causal(N)" if causal else "all(N)"
    turned = "all(N) where i >= j" if causal else "all(N)"
    row = f"float[H, N, {width}]"
    text = f"""
model Net {{
  fn forward(q, k, v, y, g: {row}, top: float[H, N]) -> (dq: {row}, dk: {row}, dv: {row}) {{
    let mean = sum(g * y, -1)
    let dq = sum (h, j -> i) in {pairs} {{
      exp(dot(q[h, i], k[h, j]) / sqrt({width}) - top[h, i]) * (dot(g[h, i], v[h, j]) - mean[h, i]) / sqrt({width}) * k[h, j]
    }}
    let dk = sum (h, i -> j) in {turned} {{
      exp(dot(q[h, i], k[h, j]) / sqrt({width}) - top[h, i]) * (dot(g[h, i], v[h, j]) - mean[h, i]) / sqrt({width}) * q[h, i]
    }}
    let dv = sum (h, i -> j) in {turned} {{ exp(dot(q[h, i], k[h, j]) / sqrt({width}) - top[h, i]) * g[h, i] }}
    dq, dk, dv
  }}
}}
"""
    q, k, v = (torch.randn(heads, positions, width).requires_grad_() for _ in range(3))
    g, score = torch.randn(heads, positions, width), (q @ k.transpose(1, 2)).detach() / width**0.5
    if causal:
        score += torch.full((positions, positions), float("-inf")).triu(1)
    y = F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=causal)
    inputs = {"q": q, "k": k, "v": v, "y": y[0], "g": g, "top": torch.logsumexp(score, -1)}
    title = f"Attention backward, {'causal' if causal else 'full'}, {positions} positions, {heads} x {width}"

    def peer():
        with torch.inference_mode(False):
            return torch.autograd.grad(y, (q, k, v), g[None], retain_graph=True)

    return Contest(title, text, {"H": heads, "N": positions}, {name: x.detach() for name, x in inputs.items()}, {}, {"PyTorch": peer})


class Encoder:
    """BERT's encoder; the parameters have Hugging Face's names."""

    def __init__(self, vocab, d, heads, depth, context=512):
        self.heads, self.depth, self.state = heads, depth, {}
        for name, rows in (("word", vocab), ("position", context), ("token_type", 2)):
            self.state[f"bert.embeddings.{name}_embeddings.weight"] = 0.1 * torch.randn(rows, d)
        norms, products = ["bert.embeddings.LayerNorm"], [("bert.pooler.dense", d, d)]
        for i in range(depth):
            p = f"bert.encoder.layer.{i}."
            norms += [p + "attention.output.LayerNorm", p + "output.LayerNorm"]
            products += [(p + f"attention.self.{name}", d, d) for name in ("query", "key", "value")]
            products += [(p + "attention.output.dense", d, d), (p + "intermediate.dense", d, 4 * d), (p + "output.dense", 4 * d, d)]
        for name in norms:
            self.state |= {f"{name}.weight": torch.rand(d) + 0.5, f"{name}.bias": 0.1 * torch.randn(d)}
        for name, inner, outer in products:
            self.state |= {f"{name}.weight": torch.randn(outer, inner) / inner**0.5, f"{name}.bias": 0.1 * torch.randn(outer)}

    def linear(self, name, x):
        return F.linear(x, self.state[f"{name}.weight"], self.state[f"{name}.bias"])

    def norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self.state[f"{name}.weight"], self.state[f"{name}.bias"], 1e-12)

    def __call__(self, tokens):
        e = "bert.embeddings."
        words, places, kinds = (self.state[f"{e}{name}_embeddings.weight"] for name in ("word", "position", "token_type"))
        x = self.norm(f"{e}LayerNorm", F.embedding(tokens, words) + places[: tokens.shape[1]] + kinds[0])
        for i in range(self.depth):
            p = f"bert.encoder.layer.{i}."
            q, k, v = (self.linear(p + f"attention.self.{name}", x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
                       for name in ("query", "key", "value"))  # fmt: skip
            y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            x = self.norm(p + "attention.output.LayerNorm", x + self.linear(p + "attention.output.dense", y))
            y = self.linear(p + "output.dense", F.gelu(self.linear(p + "intermediate.dense", x)))
            x = self.norm(p + "output.LayerNorm", x + y)
        return x, torch.tanh(self.linear("bert.pooler.dense", x[:, 0]))


def encoder(batch, positions, d=384, heads=12, depth=6, vocab=30522):
    text = f"""
import "{BERT.name}"
model Net {{
  use bert = Bert[vocab = {vocab}, d = {d}, heads = {heads}, depth = {depth}] as "*"
  fn forward(tokens: i64[B, N]) -> (hidden: float[B, N, {d}], pooled: float[B, {d}]) {{ bert.encode(tokens) }}
}}
"""
    net, tokens = Encoder(vocab, d, heads, depth), torch.randint(vocab, (batch, positions))
    title = f"Encoder as MiniLM, {depth} layers, d {d}, batch {batch}, {positions} positions"
    return Contest(title, text, {"B": batch, "N": positions}, {"tokens": tokens}, net.state, {"PyTorch": lambda: net(tokens)}, tolerance=1e-3, imports=(BERT,))


def contests():
    for n in (128, 1024, 4096):
        yield attention(n, n, causal=True)
        yield attention(n, n)
        yield backward(n, causal=True)
        yield backward(n)
    yield attention(1, 4096)
    for batch, positions in ((1, 128), (8, 128), (1, 13)):
        yield encoder(batch, positions)
