"""Language models of other kinds than GPT: without skips, recurrent, with experts; written once more in PyTorch."""

import torch
import torch.nn.functional as F

from models import Model, attend, causal, heads_of
from program import Case, integers

LENGTHS = ((2, 7), (1, 1), (0, 3), (3, 0), (1, 33))


class Blocks(Model):
    inputs = {"tokens": integers(0, 10), "token": integers(0, 10)}

    def block(self, path, x, heads, act=F.gelu, past=True, ff=None):
        """He and Hofmann 2024, section 4."""
        n, d = x.shape[-2:]
        z = self.rms(f"{path}.norm", x, 1.1920929e-7)
        q, k, v = z @ self.param(f"{path}.query", d, d).T, self.linear(f"{path}.key", z, d, bias=False), z
        q, k, v = (heads_of(t, heads) for t in (q, k, v))
        keep = causal(n) if past else torch.ones(n, n, dtype=torch.bool)
        a = heads_of(attend(q, k, v, keep, (d // heads) ** -0.5), heads)
        average = v.cumsum(-2) / torch.arange(1, n + 1)[:, None] if past else v.mean(-2, keepdim=True)
        alpha, beta, gamma = (self.param(f"{path}.{name}", *self.gain(heads)).reshape(heads, 1, 1) for name in ("alpha", "beta", "gamma"))
        y = (alpha * v + beta * a - gamma * average).transpose(-3, -2).flatten(-2)
        mlp = self.linear(f"{path}.down", act(self.linear(f"{path}.up", z, ff or 4 * d, bias=False)), d, bias=False)
        return y + self.param(f"{path}.mlp_gain") * mlp


class simplified(Blocks):
    cases = [Case(e, {"B": b, "N": n}) for e in ("past", "all") for b, n in LENGTHS]

    def gain(self, heads):
        return (heads,)

    def past(self, x):
        return self.block("causal", x, 3, F.relu)

    def all(self, x):
        return self.block("both", x, 2, F.gelu, past=False, ff=11)


class compact(Blocks):
    cases = [Case("forward", {"B": b, "N": n}) for b, n in (*LENGTHS, (1, 130))]

    def gain(self, heads):
        return heads, 1, 1

    def forward(self, tokens):
        n = tokens.shape[1]
        words = self.table("embed", 11, 12)
        x = words[tokens]
        for i in range(2):
            x = self.block(f"body.{i}", x, 3)
        q, k, v = (heads_of(t, 3) for t in self.linear("long.qkv", x, 36).chunk(3, -1))
        i, j = torch.arange(n)[:, None], torch.arange(n)
        keep = (j <= i) & ((i - j < 8) | (j < 4))
        y = attend(q, k, v, keep, 0.5, -self.param("long.slope", 3)[:, None, None] * (i - j))
        return self.rms("norm", x + self.linear("long.out", y, 12), 1.1920929e-7) @ words.T


class mingru(Blocks):
    cases = [Case("forward", {"B": b, "T": t}) for b, t in LENGTHS] + [
        Case("next", context={"B": b}, then=(Case("next"),) * 4) for b in (0, 1, 3)
    ]  # fmt: skip

    def forward(self, tokens):
        x = self.table("embed", 11, 12)[tokens]
        for i in range(3):
            p = f"blocks.{i}"
            h = self.rms(f"{p}.norm1", x, 1.1920929e-7)
            z, new = torch.sigmoid(self.linear(f"{p}.rnn.linear_z", h, 12)), self.linear(f"{p}.rnn.linear_h", h, 12)
            memory, ys = torch.zeros_like(x[:, :1]), []
            for t in range(x.shape[1]):
                memory = (1 - z[:, t : t + 1]) * memory + z[:, t : t + 1] * new[:, t : t + 1]
                ys.append(memory)
            x = torch.cat((x[:, :0], *ys), 1) + x
            x = x + self.linear(f"{p}.down", F.gelu(self.linear(f"{p}.up", self.rms(f"{p}.norm2", x, 1.1920929e-7), 48)), 12)
        return self.linear("head", self.rms("norm", x, 1.1920929e-7), 11)

    def next(self, token):
        self.seen = torch.cat((*((self.seen,) if "seen" in self.__dict__ else ()), token[:, None]), 1)
        return self.forward(self.seen)[:, -1]


class moe(Blocks):
    cases = [Case("forward", {"B": b, "N": n}) for b, n in ((2, 7), (1, 1), (1, 33))]

    def forward(self, tokens):
        n, balance = tokens.shape[1], 0
        x = self.table("embed", 11, 12)[tokens] + self.table("position", 40, 12)[:n]
        for i in range(2):
            p = f"blocks.{i}"
            y = self.rms(f"{p}.norm1", x, 1.1920929e-7)
            y = y @ self.param(f"{p}.attn.in_proj_weight", 36, 12).T + self.param(f"{p}.attn.in_proj_bias", 36)
            q, k, v = (heads_of(t, 3) for t in y.chunk(3, -1))
            x = x + self.linear(f"{p}.attn.out_proj", attend(q, k, v, causal(n), 0.5), 12)
            y, more = self.experts(f"{p}.moe", self.rms(f"{p}.norm2", x, 1.1920929e-7))
            x, balance = x + y, balance + more
        return self.linear("head", self.rms("norm", x, 1.1920929e-7), 11, bias=False), balance

    def experts(self, path, x):
        rows = x.flatten(0, 1)
        p = torch.softmax(self.linear(f"{path}.router", rows, 5, bias=False), -1)
        gate, expert = p.topk(2)
        gate = gate / gate.sum(-1, keepdim=True)
        w1, w2 = self.param(f"{path}.w1", 5, 12, 48), self.param(f"{path}.w2", 5, 48, 12)
        y = torch.stack([sum(g * (F.gelu(r @ w1[e]) @ w2[e]) for g, e in zip(gs, es)) for r, gs, es in zip(rows, gate, expert)])
        share = F.one_hot(expert[:, 0], 5).to(x.dtype).mean(0)
        return y.reshape(x.shape), 5 * (share * p.mean(0)).sum()
