"""Attention: PyTorch's softmax over all pairs, 0 where there is none."""

import math

import torch

from prelude import rotations
from program import Case, Program, integers, uniform, values

# About the strips (48), the tiles of targets (144) and of sources (128, in f64 64), and the few targets (4) that go by rows.
LENGTHS = (0, 1, 3, 4, 5, 7, 33, 47, 48, 49, 127, 128, 129, 144, 145, 293)
SOME = (0, 1, 4, 5, 17, 64, 65, 129, 150)


def softmax_of(score, value, where=None):
    where = torch.ones_like(score, dtype=torch.bool) if where is None else where.expand(score.shape)
    score = score.masked_fill(~where, float("-inf"))
    if not score.numel():
        return torch.zeros(*score.shape[:-1], value.shape[-1], dtype=value.dtype)
    weight = torch.softmax(score, -1)
    weight = torch.where(where.any(-1, keepdim=True), weight, torch.zeros_like(weight))
    return weight @ value


def pairs(n, m=None):
    return torch.arange(n)[:, None], torch.arange(n if m is None else m)[None, :]


class attend(Program):
    row = "all"  # a result is a mean of values, of any size themselves
    inputs = {"kind": integers(0, 4), "mask": values(0.0, 0.5, float("-inf"), 1.0, 0.0), "at": values(0)}
    cases = (
        [Case("full", {"B": b, "H": h, "N": n, "M": m}) for b, h, n, m in ((1, 1, 1, 0), (1, 1, 7, 0), (0, 2, 5, 5), (2, 2, 1, 129), (1, 2, 4, 65), (1, 3, 5, 1), (2, 1, 49, 131), (1, 1, 300, 3), (1, 1, 2, 520))]
        + [Case("later", {"N": n}) for n in LENGTHS]
        + [Case("single", {"H": 2, "N": n}) for n in SOME]
        + [Case("masked", {"B": b, "N": n}) for b, n in ((0, 5), (2, 1), (2, 4), (1, 7), (2, 49), (1, 130))]
        + [Case("masked", {"B": 2, "N": n}, {"keep": values(0)}) for n in (1, 4, 9)]
        + [Case("shared", {"B": b, "N": n}) for b, n in ((1, 0), (2, 1), (1, 5), (2, 65))]
        + [Case(e, {"B": b, "N": n}) for e in ("capped", "sloped", "sliding", "sinks") for b, n in ((1, 0), (2, 1), (1, 5), (1, 130), (1, 290))]
        + [Case(e, {"N": n}) for e in ("strided", "kinds", "across") for n in SOME]
        + [Case("decode", {"B": 2, "N": n}, {"at": values(at)}) for n, at in ((1, 0), (1, 69), (1, 33), (4, -2), (5, 2), (5, -7), (9, 61), (70, 0))]
        + [Case("turned", {"N": n, "B": 3}) for n in SOME]
        + [Case("parts", {"N": n}) for n in (0, 1, 5, 133)]
        + [Case("wide", {"N": n, "D": d, "F": f}) for n, d, f in ((0, 1, 1), (3, 0, 2), (5, 0, 5), (5, 3, 0), (7, 1, 1), (2, 300, 600), (9, 300, 300), (150, 257, 17), (5, 40, 520))]
    )  # fmt: skip

    def full(self, q, k, v):
        return softmax_of(q @ k.transpose(-1, -2) / 3, v)

    def later(self, q, k, v, scale=8.0, more=None):
        i, j = pairs(q.shape[-2])
        where = j <= i
        return softmax_of(q @ k.transpose(-1, -2) / scale, v, where if more is None else where & more)

    def single(self, q, k, v):
        i, j = pairs(q.shape[1])
        return softmax_of(q @ k.transpose(-1, -2), v, i <= j)

    def masked(self, q, k, v, keep, mask):
        score = q @ k.transpose(-1, -2) / 4 + mask
        return softmax_of(score, v, keep.bool()[:, None, :] & (score > float("-inf")))

    def shared(self, q, k, v, keep):
        return self.later(q, k.repeat_interleave(3, 1), v.repeat_interleave(3, 1), 8**0.5, keep.bool()[:, None, None, :])

    def capped(self, q, k, v):
        i, j = pairs(q.shape[1])
        return softmax_of(3 * torch.tanh(q @ k.transpose(-1, -2) / 3), v, j <= i)

    def sloped(self, q, k, v):
        i, j = pairs(q.shape[2])
        slope = torch.tensor([2.0**-4, 2.0**-8, 2.0**-2], dtype=q.dtype)[:, None, None]
        return softmax_of(q @ k.transpose(-1, -2) / 8**0.5 - slope * (i - j), v, j <= i)

    def sliding(self, q, k, v):
        i, j = pairs(q.shape[1])
        return self.later(q, k, v, 8**0.5, i - j < 5)

    def sinks(self, q, k, v):
        i, j = pairs(q.shape[1])
        return self.later(q, k, v, 8**0.5, (i - j < 5) | (j < 2))

    def strided(self, q, k, v):
        n = q.shape[0]
        i, j = pairs(n)
        return softmax_of(q @ k.T / 8**0.5, v, (2 * j <= i) & (3 * i < 2 * n))

    def kinds(self, q, k, v, kind):
        return softmax_of(q @ k.T / 8**0.5, v, kind[:, None] == kind[None, :])

    def decode(self, q, ks, vs, at):
        i, j = pairs(q.shape[2], 70)
        return softmax_of(q @ ks.transpose(-1, -2) / 8**0.5, vs, j <= at + i)

    def turned(self, q, k, v):
        q, k, v = (x.transpose(0, 1) for x in (q, k, v))
        return softmax_of(q @ k.transpose(-1, -2) / 8**0.5, v)

    def across(self, q, k, v):
        return softmax_of(q.T @ k / 8**0.5, v.T)

    def parts(self, q, k, u, w, v):
        i, j = pairs(q.shape[0])
        return softmax_of((q @ k.T + 0.5 * u @ w.T) / 4, v, j <= i)

    def wide(self, q, k, v):
        return self.later(q, k, v, 16.0)


class pair_sums(Program):
    row = "all"
    inputs = {"x": uniform(-1, 1), "y": uniform(-1, 1)}
    cases = (
        [Case(e, {"H": h, "N": n}) for e in ("by_queries", "by_keys") for h, n in ((0, 5), (2, 1), (3, 7), (1, 47), (1, 49), (2, 130), (1, 193), (1, 260))]
        + [Case("by_keys", {"H": 2, "N": 0})]
        + [Case("shared", {"B": b, "N": n, "M": m}) for b, n, m in ((1, 0, 3), (1, 3, 0), (2, 5, 1), (2, 65, 33), (1, 1, 129))]
        + [Case("weights", {"N": n, "M": m, "D": d}) for n, m, d in ((0, 1, 1), (3, 0, 2), (5, 7, 0), (1, 130, 3), (49, 65, 33), (7, 9, 300))]
        + [Case("centred", {"N": n, "M": m, "D": d}) for n, m, d in ((1, 1, 1), (3, 0, 2), (4, 5, 0), (50, 131, 9), (9, 7, 300))]
        + [Case("turned", {"N": n, "H": 3}) for n in SOME]
    )  # fmt: skip

    def parts(self, q, k, v, g, top, mean):
        i, j = pairs(q.shape[1])
        p = torch.exp(q @ k.transpose(-1, -2) / 8 - top[..., None]) * (j <= i)
        return p, p * (g @ v.transpose(-1, -2) - mean[..., None]) / 8

    def by_queries(self, q, k, v, g, top, mean):
        return self.parts(q, k, v, g, top, mean)[1] @ k

    def by_keys(self, q, k, v, g, top, mean):
        p, ds = self.parts(q, k, v, g, top, mean)
        return ds.transpose(-1, -2) @ q, p.transpose(-1, -2) @ g

    def shared(self, q, k, v, keep):
        k, v = (x.repeat_interleave(3, 1) for x in (k, v))
        return (torch.tanh(q @ k.transpose(-1, -2)) * keep.bool()[:, None, None, :]) @ v

    def weights(self, q, k, bias):
        return torch.exp(-(q @ k.T + bias).abs()).sum(-1)

    def centred(self, x, y):
        s = x @ y.T
        return torch.relu(s) @ y - torch.relu(s).sum(-1, keepdim=True) * x + 0.5 * s @ y + s.sum(-1, keepdim=True)

    def turned(self, q, k, v):
        i, j = pairs(q.shape[0])
        w = torch.sigmoid(q.transpose(0, 1) @ k.permute(1, 2, 0)) * ((j <= i) & (i - j < 40))
        return (w @ v.T).transpose(0, 1)


def bucket(offset, both=True, buckets=32, reach=128):
    """As T5 in Hugging Face counts relative positions."""
    result = torch.zeros_like(offset)
    if both:
        buckets //= 2
        result = result + (offset > 0) * buckets
        distance = offset.abs()
    else:
        distance = -offset.clamp(max=0)
    exact = buckets // 2
    ratio = torch.log(distance.clamp(min=exact).float() / exact) / math.log(reach / exact)
    far = (exact + (ratio * (buckets - exact)).long()).clamp(max=buckets - 1)
    return result + torch.where(distance < exact, distance, far)


class multihead(Program):
    types = ("f32", "f64")
    row = "all"
    only_f32 = ("llama", "mistral")  # their angles
    inputs = {"keep": values(1, 1, 0, 1), "mask": values(0.0, 0.5, float("-inf"), 1.0, 0.0)}
    cases = (
        [Case(e, {"B": b, "N": n}) for e in ("self", "past", "llama", "mistral", "encode_before", "t5") for b, n in ((0, 2), (1, 1), (2, 5), (1, 50), (1, 131))]
        + [Case(e, {"B": b, "N": n}) for e in ("padded", "encode") for b, n in ((1, 1), (2, 6), (1, 50))]
        + [Case("cross", {"B": b, "N": n, "M": m}) for b, n, m in ((1, 1, 1), (2, 3, 7), (1, 9, 130))]
        + [Case(e, {"B": b, "N": n, "M": m}) for e in ("widths", "decode") for b, n, m in ((1, 1, 1), (2, 3, 7), (1, 9, 130))]
        + [Case("t5_past", {"B": b, "N": n, "M": m}) for b, n, m in ((1, 1, 1), (2, 3, 7), (1, 49, 130), (1, 0, 5))]
        + [Case("translate", {"B": b, "M": m, "N": n}) for b, n, m in ((1, 1, 1), (2, 3, 7), (1, 9, 50))]
    )  # fmt: skip

    def module(self, path, module):
        """A layer of PyTorch with the program's parameters."""
        torch.backends.mha.set_fastpath_enabled(False)
        module = module.to(self.type).eval()
        with torch.no_grad():
            for name, p in module.named_parameters():
                p.copy_(self.param(f"{path}.{name}", *p.shape))
        for p in module.parameters():
            p.requires_grad_(False)
        for name, p in module.named_parameters():
            self.holds(f"{path}.{name}", p)
        return module

    def attention(self, path, heads, q, k, v, bias=True, **more):
        m = torch.nn.MultiheadAttention(q.shape[-1], heads, bias=bias, batch_first=True, **({} if k.shape[-1] == q.shape[-1] else {"kdim": k.shape[-1], "vdim": v.shape[-1]}))
        m = self.module(path, m)
        return m(q, k, v, need_weights=False, **more)[0] if q.numel() else torch.zeros_like(q)

    def self(self, x):
        return self.attention("mha", 3, x, x, x)

    def padded(self, x, keep, mask):
        mask = mask[None].masked_fill(~keep.bool()[:, None, :], float("-inf"))
        empty = (mask == float("-inf")).all(-1)
        # A row without sources attends to nothing: the sum is 0, which PyTorch has no way to say.
        y = self.attention("mha", 3, x, x, x, attn_mask=mask.masked_fill(empty[..., None], 0.0).repeat_interleave(3, 0).to(x.dtype))
        return torch.where(empty[..., None], self.param("mha.out_proj.bias", 12).expand_as(y), y)

    def cross(self, x, y, keep):
        return self.attention("mha", 3, x, y, y, key_padding_mask=~keep.bool())

    def past(self, x):
        n = x.shape[1]
        return self.attention("causal", 2, x, x, x, False, attn_mask=torch.ones(n, n, dtype=torch.bool).triu(1))

    def widths(self, x, k, v):
        return self.attention("other", 3, x, k, v)

    def grouped(self, path, x, heads, kv, head, bias, base, where):
        b, n, _ = x.shape
        split = lambda name, h: self.linear(f"{path}.{name}", x, h * head, bias).view(b, n, h, head).transpose(1, 2)  # noqa: E731
        cos, sin = rotations(torch.empty(n, head, dtype=x.dtype), 0, base)

        def turn(x):
            a, b = x.chunk(2, -1)
            return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)

        q, k, v = turn(split("q_proj", heads)), turn(split("k_proj", kv)), split("v_proj", kv)
        k, v = (y.repeat_interleave(heads // kv, 1) for y in (k, v))
        y = softmax_of(q @ k.transpose(-1, -2) / head**0.5, v, where)
        return self.linear(f"{path}.o_proj", y.transpose(1, 2).reshape(b, n, heads * head), x.shape[-1], False)

    def llama(self, x):
        i, j = pairs(x.shape[1])
        return self.grouped("grouped", x, 6, 2, 4, False, 10000.0, j <= i)

    def mistral(self, x):
        i, j = pairs(x.shape[1])
        return self.grouped("window", x, 6, 3, 6, True, 500.0, (j <= i) & (i - j < 4))

    def encode(self, x, keep):
        layer = torch.nn.TransformerEncoderLayer(8, 2, 11, 0.0, "gelu", batch_first=True)
        m = self.module("encoder", torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False))
        return m(x, src_key_padding_mask=~keep.bool())

    def encode_before(self, x):
        layer = torch.nn.TransformerEncoderLayer(8, 2, 11, 0.0, "relu", batch_first=True, norm_first=True)
        m = self.module("before", torch.nn.TransformerEncoder(layer, 3, torch.nn.LayerNorm(8), enable_nested_tensor=False))
        return m(x) if x.numel() else x

    def decode(self, x, memory):
        layer = torch.nn.TransformerDecoderLayer(8, 2, 11, 0.0, batch_first=True)
        m = self.module("decoder", torch.nn.TransformerDecoder(layer, 2))
        return m(x, memory, tgt_mask=torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1))

    def translate(self, x, y):
        m = self.module("whole", torch.nn.Transformer(8, 2, 1, 2, 9, 0.0, batch_first=True, norm_first=True))
        return m(x, y, tgt_mask=torch.ones(y.shape[1], y.shape[1], dtype=torch.bool).triu(1))

    def t5(self, q, k, v):
        i, j = pairs(q.shape[2])
        bias = self.param("rel", 32, 3)[bucket(j - i)].permute(2, 0, 1)
        return softmax_of(q @ k.transpose(-1, -2) + bias, v)

    def t5_past(self, q, k, v):
        i, j = pairs(q.shape[2], k.shape[2])
        bias = self.param("rel", 32, 3)[bucket(j - i, False, 32, 20)].permute(2, 0, 1)
        return softmax_of(q @ k.transpose(-1, -2) + bias, v, j <= i)


class remembered(multihead):
    only_f32 = ()
    cases = [
        Case("remember", {}, context={"B": 2, "M": 5}, then=(Case("recall", {"N": 3}), Case("recall", {"N": 1}))),
        Case("remember", {}, context={"B": 1, "M": 33}, then=(Case("recall", {"N": 17}), Case("remember"), Case("recall", {"N": 0}))),
        Case("begin", {}, context={"B": 2, "M": 5}, then=tuple(Case("next", {"N": n}, {"at": values(at)}) for at, n in ((0, 3), (3, 1), (4, 4), (8, 1)))),
        Case("begin", {}, context={"B": 1, "M": 1}, then=(Case("next", {"N": 9}, {"at": values(0)}), Case("next", {"N": 1}, {"at": values(9)}, (1, "`at` is 9")))),
    ]  # fmt: skip

    def remember(self, memory):
        self.memory = memory
        return memory

    begin = remember

    def recall(self, x, keep):
        return self.cross(x, self.memory, keep) if x.numel() else x

    def next(self, x, at):
        self.seen = x if at == 0 else torch.cat((self.seen[:, : int(at)], x), 1)
        n = self.seen.shape[1]
        layer = torch.nn.TransformerDecoderLayer(8, 2, 11, 0.0, batch_first=True)
        m = self.module("decoder", torch.nn.TransformerDecoder(layer, 2, torch.nn.LayerNorm(8)))
        return m(self.seen, self.memory, tgt_mask=torch.ones(n, n, dtype=torch.bool).triu(1))[:, int(at) :]
