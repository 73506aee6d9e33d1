"""Whole models, written once more in PyTorch with the names of their parameters' files."""

import math

import torch
import torch.nn.functional as F

from program import Case, Program, integers, uniform, values

INF = float("inf")


def heads_of(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(-3, -2)


def attend(q, k, v, keep, scale=1.0, bias=0.0):
    """`keep`: which pairs count. A row without any gives 0."""
    s = (q @ k.transpose(-1, -2) * scale + bias).masked_fill(~keep, -INF)
    return (torch.nan_to_num(torch.softmax(s, -1), nan=0.0) @ v).transpose(-3, -2).flatten(-2)


def causal(n):
    return torch.ones(n, n, dtype=torch.bool).tril()


def at(position):
    return {"at": values(position)}


class Model(Program):
    types = ("f32", "f64")
    parameters = {}
    row = "all"

    def conv1d(self, path, x, out):
        return x @ self.param(f"{path}.weight", x.shape[-1], out) + self.param(f"{path}.bias", out)

    def norm(self, path, x, eps=1e-5):
        d = x.shape[-1]
        return F.layer_norm(x, (d,), self.param(f"{path}.weight", d), self.param(f"{path}.bias", d), eps)

    def rms(self, path, x, eps):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * self.param(f"{path}.weight", x.shape[-1])

    def table(self, path, rows, d):
        return self.param(f"{path}.weight", rows, d)


class gpt2(Model):
    types = ("f32", "f64", "bf16")
    inputs = {"tokens": integers(0, 10), "token": integers(0, 10)}
    cases = [Case("forward", {"B": b, "N": n}) for b, n in ((2, 7), (1, 1), (0, 3), (3, 0), (1, 9))] + [
        Case("prefill", {"N": 4}, context={"B": 2}, then=tuple(Case("decode", {}, at(i)) for i in range(4, 9))),
        Case("decode", {}, at(0), context={"B": 3}, then=(Case("decode", {}, at(1)), Case("decode", {}, at(9), (1, "`at` is 9")))),
        Case("prefill", {"N": 9}, context={"B": 1}, then=(Case("prefill", {"N": 1}), Case("decode", {}, at(1)))),
    ]  # fmt: skip

    def forward(self, tokens):
        n = tokens.shape[1]
        x = self.table("wte", 11, 12)[tokens] + self.table("wpe", 9, 12)[:n]
        for i in range(3):
            p = f"h.{i}"
            q, k, v = (heads_of(t, 3) for t in self.conv1d(f"{p}.attn.c_attn", self.norm(f"{p}.ln_1", x), 36).chunk(3, -1))
            x = x + self.conv1d(f"{p}.attn.c_proj", attend(q, k, v, causal(n), 0.5), 12)
            h = F.gelu(self.conv1d(f"{p}.mlp.c_fc", self.norm(f"{p}.ln_2", x), 48), approximate="tanh")
            x = x + self.conv1d(f"{p}.mlp.c_proj", h, 12)
        return self.norm("ln_f", x) @ self.table("wte", 11, 12).T

    def prefill(self, tokens):
        self.seen = tokens
        return self.forward(tokens)[:, -1]

    def decode(self, token, at):
        if at == 0:
            self.seen = token[:0, None].new_zeros((len(token), 0))
        self.seen = torch.cat((self.seen[:, : int(at)], token[:, None]), 1)
        return self.forward(self.seen)[:, -1]


class llama(Model):
    types = ("f32", "bf16")  # the program computes its angles in f32
    inputs = {"tokens": integers(0, 12)}
    cases = [Case("forward", {"B": b, "N": n}) for b, n in ((2, 7), (1, 1), (0, 3), (3, 0))] + [
        Case("next", {"N": 3}, at(0), context={"B": 2}, then=(Case("next", {"N": 1}, at(3)), Case("next", {"N": 2}, at(4)), Case("next", {"N": 2}, at(6)))),
        Case("next", {"N": 8}, at(0), context={"B": 1}, then=(Case("next", {"N": 1}, at(8), (1, "`at` is 8")),)),
    ]  # fmt: skip

    def rope(self, x):
        c = x.shape[-1]
        angle = torch.arange(x.shape[-2]).double()[:, None] * 10000.0 ** (-2.0 * torch.arange(c // 2).double() / c)
        cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
        a, b = x.chunk(2, -1)
        return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)

    def forward(self, tokens):
        n = tokens.shape[1]
        x = self.table("model.embed_tokens", 13, 24)[tokens]
        for i in range(2):
            p = f"model.layers.{i}"
            h = self.rms(f"{p}.input_layernorm", x, 1e-5)
            q, k, v = (
                heads_of(self.linear(f"{p}.self_attn.{name}_proj", h, 4 * count, bias=False), count)
                for name, count in (("q", 6), ("k", 2), ("v", 2))
            )
            q, k, v = self.rope(q), self.rope(k).repeat_interleave(3, 1), v.repeat_interleave(3, 1)
            x = x + self.linear(f"{p}.self_attn.o_proj", attend(q, k, v, causal(n), 0.5), 24, bias=False)
            h = self.rms(f"{p}.post_attention_layernorm", x, 1e-5)
            gate, up = (self.linear(f"{p}.mlp.{name}_proj", h, 20, bias=False) for name in ("gate", "up"))
            x = x + self.linear(f"{p}.mlp.down_proj", F.silu(gate) * up, 24, bias=False)
        return self.linear("lm_head", self.rms("model.norm", x, 1e-5), 13, bias=False)

    def next(self, tokens, at):
        before = self.seen[:, : int(at)] if at > 0 else tokens[:, :0]
        self.seen = torch.cat((before, tokens), 1)
        return self.forward(self.seen)[:, -1]


class bert(Model):
    types = ("f32", "f64", "bf16")
    inputs = {
        **{name: integers(0, 16) for name in ("tokens", "a", "b")}, "kind": integers(0, 1),
        **{name: values(1, 1, 1, 0, 1, 0, 0) for name in ("keep", "a_keep", "b_keep")},
    }  # fmt: skip
    cases = (
        [Case(e, {"B": b, "N": n}) for e in ("encode", "forward") for b, n in ((2, 7), (1, 1), (3, 20), (0, 4))]
        + [Case("embed", {"B": 3, "N": 5}), Case("similarity", {"B": 2, "N": 5, "C": 3, "M": 8})]
    )  # fmt: skip

    def hidden(self, tokens, keep, kind):
        p, n = "bert.embeddings", tokens.shape[1]
        x = self.table(f"{p}.word_embeddings", 17, 16)[tokens] + self.table(f"{p}.position_embeddings", 20, 16)[:n]
        x = self.norm(f"{p}.LayerNorm", x + self.table(f"{p}.token_type_embeddings", 2, 16)[kind], 1e-12)
        for i in range(2):
            p = f"bert.encoder.layer.{i}"
            q, k, v = (heads_of(self.linear(f"{p}.attention.self.{name}", x, 16), 4) for name in ("query", "key", "value"))
            y = attend(q, k, v, keep[:, None, None], 0.5)
            x = self.norm(f"{p}.attention.output.LayerNorm", x + self.linear(f"{p}.attention.output.dense", y, 16), 1e-12)
            y = F.gelu(self.linear(f"{p}.intermediate.dense", x, 64))
            x = self.norm(f"{p}.output.LayerNorm", x + self.linear(f"{p}.output.dense", y, 16), 1e-12)
        return x

    def encode(self, tokens, keep, kind):
        x = self.hidden(tokens, keep, kind)
        return x, torch.tanh(self.linear("bert.pooler.dense", x[:, 0], 16))

    def forward(self, tokens, keep, kind):
        self.encode(tokens, keep, kind)
        p = "cls.predictions"
        x = F.gelu(self.linear(f"{p}.transform.dense", self.hidden(tokens, keep, kind), 16))
        x = self.norm(f"{p}.transform.LayerNorm", x, 1e-12)
        return x @ self.table("bert.embeddings.word_embeddings", 17, 16).T + self.param(f"{p}.bias", 17)

    def embed(self, tokens, keep):
        x, w = self.hidden(tokens, keep, torch.zeros_like(tokens)), keep[..., None].to(self.type)
        return F.normalize((x * w).sum(1) / w.sum(1).clamp(min=1), dim=-1)

    def similarity(self, a, a_keep, b, b_keep):
        return self.embed(a, a_keep) @ self.embed(b, b_keep).T


class t5(Model):
    inputs = {"source": integers(0, 11), "target": integers(0, 11), "token": integers(0, 11), "keep": values(1, 1, 0, 1, 1)}
    cases = [Case("forward", {"B": b, "M": m, "N": n}) for b, m, n in ((2, 5, 4), (1, 40, 3), (1, 3, 40), (1, 1, 1), (0, 3, 3))] + [
        Case("begin", {}, context={"B": 2, "M": 5}, then=tuple(Case("decode", {}, at(i)) for i in range(7))),
        Case("begin", {}, context={"B": 1, "M": 1}, then=(Case("decode", {}, at(0)), Case("decode", {}, at(7), (1, "`at` is 7")))),
    ]  # fmt: skip

    def bucket(self, distance, exact):
        d = distance.clamp(min=exact).double() / exact
        far = exact + (d.log() / math.log(128 / exact) * exact + 1e-9).long()
        return torch.where(distance < exact, distance, far.clamp(max=2 * exact - 1))

    def layer(self, path, x, y):
        q = self.linear(f"{path}.q", x, 8, bias=False)
        return (heads_of(t, 2) for t in (q, self.linear(f"{path}.k", y, 8, bias=False), self.linear(f"{path}.v", y, 8, bias=False)))

    def feed(self, path, x):
        return self.linear(f"{path}.wo", F.relu(self.linear(f"{path}.wi", x, 14, bias=False)), 10, bias=False)

    def encode(self, source, keep):
        m = source.shape[1]
        x = self.table("shared", 12, 10)[source]
        offset = torch.arange(m) - torch.arange(m)[:, None]
        table = self.table("encoder.block.0.layer.0.SelfAttention.relative_attention_bias", 32, 2)
        bias = table[16 * (offset > 0) + self.bucket(offset.abs(), 8)].permute(2, 0, 1)
        for i in range(2):
            p = f"encoder.block.{i}.layer"
            q, k, v = self.layer(f"{p}.0.SelfAttention", *2 * [self.rms(f"{p}.0.layer_norm", x, 1e-6)])
            x = x + self.linear(f"{p}.0.SelfAttention.o", attend(q, k, v, keep[:, None, None], bias=bias), 10, bias=False)
            x = x + self.feed(f"{p}.1.DenseReluDense", self.rms(f"{p}.1.layer_norm", x, 1e-6))
        return self.rms("encoder.final_layer_norm", x, 1e-6)

    def forward(self, source, keep, target):
        memory, n = self.encode(source, keep), target.shape[1]
        x = self.table("shared", 12, 10)[target]
        offset = torch.arange(n)[:, None] - torch.arange(n)
        table = self.table("decoder.block.0.layer.0.SelfAttention.relative_attention_bias", 32, 2)
        bias = table[self.bucket(offset.clamp(min=0), 16)].permute(2, 0, 1)
        for i in range(2):
            p = f"decoder.block.{i}.layer"
            q, k, v = self.layer(f"{p}.0.SelfAttention", *2 * [self.rms(f"{p}.0.layer_norm", x, 1e-6)])
            x = x + self.linear(f"{p}.0.SelfAttention.o", attend(q, k, v, causal(n), bias=bias), 10, bias=False)
            q, k, v = self.layer(f"{p}.1.EncDecAttention", self.rms(f"{p}.1.layer_norm", x, 1e-6), memory)
            x = x + self.linear(f"{p}.1.EncDecAttention.o", attend(q, k, v, keep[:, None, None]), 10, bias=False)
            x = x + self.feed(f"{p}.2.DenseReluDense", self.rms(f"{p}.2.layer_norm", x, 1e-6))
        return self.rms("decoder.final_layer_norm", x, 1e-6) / math.sqrt(10) @ self.table("shared", 12, 10).T

    def begin(self, source, keep):
        self.source = source
        self.forward(source, keep, source[:, :0])
        return self.encode(source, keep)

    def decode(self, token, at, keep):
        self.target = torch.cat((self.target[:, : int(at)], token[:, None]), 1) if at > 0 else token[:, None]
        return self.forward(self.source, keep, self.target)[:, -1]


class vit(Model):
    cases = [Case("forward", {"B": b}) for b in (0, 1, 3)]

    def forward(self, image):
        w, b = self.param("patch_embed.proj.weight", 24, 3, 4, 4), self.param("patch_embed.proj.bias", 24)
        x = F.conv2d(image, w, b, stride=4).flatten(2).transpose(1, 2)
        x = torch.cat((self.param("cls_token", 1, 1, 24).expand(len(x), 1, 24), x), 1) + self.param("pos_embed", 1, 10, 24)
        for i in range(2):
            p = f"blocks.{i}"
            q, k, v = (heads_of(t, 3) for t in self.linear(f"{p}.attn.qkv", self.norm(f"{p}.norm1", x, 1e-6), 72).chunk(3, -1))
            x = x + self.linear(f"{p}.attn.proj", attend(q, k, v, torch.tensor(True), 8**-0.5), 24)
            x = x + self.linear(f"{p}.mlp.fc2", F.gelu(self.linear(f"{p}.mlp.fc1", self.norm(f"{p}.norm2", x, 1e-6), 96)), 24)
        return self.linear("head", self.norm("norm", x, 1e-6)[:, 0], 7)


class Recurrent(Model):
    def cell(self, path, suffix, x, h, c):
        hidden = h.shape[-1]
        w = lambda name, *shape: self.param(f"{path}{name}{suffix}", 4 * hidden, *shape)  # noqa: E731
        gates = x @ w("weight_ih", x.shape[-1]).T + w("bias_ih") + h @ w("weight_hh", hidden).T + w("bias_hh")
        i, f, g, o = gates.chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def lstm(self, path, suffix, x, lengths, hidden, reverse=False):
        """x [B, T, ..]: each row by itself, as far as its length."""
        y = torch.zeros(*x.shape[:2], hidden, dtype=x.dtype)
        hs, cs = torch.zeros(len(x), hidden, dtype=x.dtype), torch.zeros(len(x), hidden, dtype=x.dtype)
        self.cell(path, suffix, torch.zeros(0, x.shape[-1], dtype=x.dtype), hs[:0], cs[:0])
        for b, length in enumerate(lengths.tolist()):
            h, c = torch.zeros(1, hidden, dtype=x.dtype), torch.zeros(1, hidden, dtype=x.dtype)
            for t in reversed(range(length)) if reverse else range(length):
                h, c = self.cell(path, suffix, x[b, t][None], h, c)
                y[b, t] = h[0]
            hs[b], cs[b] = h[0], c[0]
        return y, hs, cs


class bilstm(Recurrent):
    inputs = {"tokens": integers(0, 9), "lengths": values(4, 0, 7, 1, 3)}
    cases = [Case("forward", {"B": b, "T": t}) for b, t in ((5, 7), (1, 4), (0, 5))] + [
        Case("forward", {"B": 3, "T": 7}, {"lengths": values(2, 8, 1)}, (1, "lengths")),
        Case("forward", {"B": 2, "T": 0}, {"lengths": values(0)}),
    ]  # fmt: skip

    def forward(self, tokens, lengths):
        x = self.table("embed", 10, 6)[tokens]
        for layer in range(2):
            y, h, _ = self.lstm("lstm.", f"_l{layer}", x, lengths, 5)
            z, g, _ = self.lstm("lstm.", f"_l{layer}_reverse", x, lengths, 5, reverse=True)
            x = torch.cat((y, z), -1)
        return self.linear("head", torch.cat((h, g), -1), 3)


class seq2seq(Recurrent):
    inputs = {"source": integers(0, 7), "target": integers(0, 8), "token": integers(0, 8), "lengths": values(4, 1, 6, 0)}
    cases = [Case("forward", {"B": b, "S": s, "T": t}) for b, s, t in ((4, 6, 5), (1, 4, 1), (3, 7, 0), (0, 6, 2))] + [
        Case("encode", {"B": 4, "S": 6}), Case("next", {"B": 3, "S": 6}), Case("next", {"B": 1, "S": 4}),
    ]  # fmt: skip

    def encode(self, source, lengths):
        memory, h, c = self.lstm("encoder.", "_l0", self.table("source_embed", 8, 6)[source], lengths, 6)
        return memory, self.linear("key_proj", memory, 6, bias=False), h, c

    def next(self, token, h, c, memory, keys, lengths):
        keep = torch.arange(memory.shape[1]) < lengths[:, None]
        q = self.linear("attention.query_proj", h, 6, bias=False)
        s = torch.tanh(q[:, None] + keys) @ self.param("attention.v", 6)
        p = torch.nan_to_num(torch.softmax(s.masked_fill(~keep, -INF), -1), nan=0.0)
        context = (p[..., None] * memory).sum(1)
        h, c = self.cell("cell.", "", torch.cat((self.table("target_embed", 9, 6)[token], context), -1), h, c)
        return self.linear("out", torch.cat((h, context), -1), 9), h, c

    def forward(self, source, lengths, target):
        memory, keys, h, c = self.encode(source, lengths)
        ys = []
        for token in target.T:
            # The context is that of the state before the step, the output that of the state after it.
            y, h, c = self.next(token, h, c, memory, keys, lengths)
            ys.append(y)
        return torch.stack(ys, 1) if ys else memory.new_zeros(len(target), 0, 9)


class hybrid(Recurrent):
    inputs = {"lengths": values(4, 1, 6, 0)}
    cases = [Case("forward", {"B": b, "N": n}) for b, n in ((4, 6), (1, 4), (0, 5))]

    def forward(self, x, lengths):
        keep = torch.arange(x.shape[1]) < lengths[:, None]
        x, _, _ = self.lstm("front.", "_l0", x, lengths, 12)
        for i in range(2):
            p = f"top.{i}"
            y = self.norm(f"{p}.norm1", x) @ self.param(f"{p}.attn.in_proj_weight", 36, 12).T
            q, k, v = (heads_of(t, 3) for t in (y + self.param(f"{p}.attn.in_proj_bias", 36)).chunk(3, -1))
            x = x + self.linear(f"{p}.attn.out_proj", attend(q, k, v, keep[:, None, None], 0.5), 12)
            x = x + self.linear(f"{p}.down", F.gelu(self.linear(f"{p}.up", self.norm(f"{p}.norm2", x), 48)), 12)
        w = keep[..., None].to(x.dtype)
        return self.linear("head", (x * w).sum(1) / w.sum(1).clamp(min=1), 4)


class Kinds(dict):
    """Of a residual network: variances are positive, and weights so small that sums stay what they are."""

    def get(self, path, default):
        if path.endswith("running_var"):
            return uniform(0.5, 1.5)
        return uniform(-0.08, 0.08) if "conv" in path or "downsample.0" in path else default


class resnet(Model):
    parameters = Kinds()
    inputs = {"image": uniform(-1, 1)}
    cases = [Case("forward", {"B": b, "H": h, "W": w}) for b, h, w in ((1, 32, 32), (2, 33, 47), (0, 32, 32))]

    def conv(self, path, x, out, k, stride=1):
        return F.conv2d(x, self.param(f"{path}.weight", out, x.shape[1], k, k), stride=stride, padding=k // 2)

    def bn(self, path, x):
        c = x.shape[1]
        p = [self.param(f"{path}.{name}", c) for name in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *p, training=False)

    def block(self, path, x, out, stride=1):
        y = F.relu(self.bn(f"{path}.bn1", self.conv(f"{path}.conv1", x, out, 3, stride)))
        y = self.bn(f"{path}.bn2", self.conv(f"{path}.conv2", y, out, 3))
        if stride != 1:
            x = self.bn(f"{path}.downsample.1", self.conv(f"{path}.downsample.0", x, out, 1, stride))
        return F.relu(x + y)

    def forward(self, image):
        x = F.max_pool2d(F.relu(self.bn("bn1", self.conv("conv1", image, 64, 7, 2))), 3, 2, 1)
        for layer, out in enumerate((64, 128, 256, 512), 1):
            for i in range(2):
                x = self.block(f"layer{layer}.{i}", x, out, 2 if layer > 1 and i == 0 else 1)
        return self.linear("fc", x.mean((-2, -1)), 6)
