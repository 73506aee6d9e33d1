"""Parts of the standard library: positions, scores of links, patches."""

import torch
import torch.nn.functional as F

from program import Case, Program, integers, values


def rotations(x, at, base):
    """Sines and cosines in f32, as Llama computes them whatever its weights are."""
    n, c = x.shape[-2:]
    frequency = torch.tensor(base, dtype=torch.float32) ** (-2.0 * torch.arange(c // 2, dtype=torch.float32) / c)
    angle = (torch.arange(n) + at).to(torch.float32)[:, None] * frequency
    return torch.cos(angle.double()).to(x.dtype), torch.sin(angle.double()).to(x.dtype)


def sines(x, base=10000.0):
    n, d = x.shape[-2:]
    pair = (torch.arange(d) // 2 * 2).to(torch.float32)
    angle = torch.arange(n, dtype=torch.float32)[:, None] * torch.tensor(base) ** (-pair / d)
    angle = angle.double()
    return torch.where(torch.arange(d) % 2 == 0, torch.sin(angle), torch.cos(angle)).to(x.dtype)


class positions(Program):
    types = ("f32", "bf16")
    inputs = {"at": values(3)}
    cases = (
        [Case(e, {"N": n}) for e in ("even", "odd", "one") for n in (0, 1, 7, 33)]
        + [Case(e, {"B": b, "N": n}) for e in ("added", "table", "table_from", "halves", "pairs") for b, n in ((0, 3), (2, 1), (1, 7), (2, 33))]
        + [Case(e, {"B": 2, "H": 3, "N": n}) for e in ("halves_from", "pairs_from") for n in (1, 16, 33)]
        + [Case("table_from", {"B": 1, "N": 3}, {"at": values(at)}, fails=(1, "")) for at in (68, -1)]
        + [Case(e) for e in ("slopes", "slopes_more", "slope")]
    )  # fmt: skip

    def even(self, x):
        return x + sines(x)

    def odd(self, x):
        return x + sines(x, 100.0)

    one = added = even

    def table(self, x, at=0):
        return x + self.param("learned.weight", 70, 5)[at : at + x.shape[1]]

    table_from = table

    def halves(self, x, at=0, base=10000.0):
        cos, sin = rotations(x, at, base)
        a, b = x.chunk(2, -1)
        return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)

    def halves_from(self, x, at):
        return self.halves(x, at, 500.0)

    def pairs(self, x, at=0, base=10000.0):
        cos, sin = rotations(x, at, base)
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack((a * cos - b * sin, b * cos + a * sin), -1).flatten(-2)

    def pairs_from(self, x, at):
        return self.pairs(x, at, 500.0)

    def slopes(self, x):
        return x * torch.tensor([2.0**-k for k in range(1, 9)], dtype=x.dtype)

    def slopes_more(self, x):
        return x * torch.tensor([2.0**-k for k in range(1, 9)] + [2.0 ** -(k + 0.5) for k in range(4)], dtype=x.dtype)

    def slope(self, x):
        return x / 256


OFFSETS = (0, 1, -1, 7, 8, 9, -7, -8, -9, 11, 12, -15, -16, -17, 31, 32, 63, 64, -64, 90, 91, 127, 128, -128, 129, 10**6, -(10**6))


class buckets(Program):
    types = ("f32",)
    exact = True
    cases = [Case(e, {}, {"offset": values(o)}) for e in ("both", "past", "other") for o in OFFSETS]

    def both(self, offset, bidirectional=True, count=32, reach=128):
        # As _relative_position_bucket of T5 in Hugging Face's transformers.
        bucket = 0
        if bidirectional:
            count //= 2
            bucket += (offset > 0).to(torch.long) * count
            offset = torch.abs(offset)
        else:
            offset = -torch.min(offset, torch.zeros_like(offset))
        exact = count // 2
        far = exact + (torch.log(offset.float() / exact) / torch.log(torch.tensor(reach / exact)) * (count - exact)).to(torch.long)
        far = torch.min(far, torch.full_like(far, count - 1))
        return bucket + torch.where(offset < exact, offset, far)

    def past(self, offset):
        return self.both(offset, False)

    def other(self, offset):
        return self.both(offset, True, 20, 100)


class scores(Program):
    inputs = {name: integers(0, 5) for name in ("a", "b")} | {"kind": integers(0, 3)}
    cases = (
        [Case(e, {"N": 5, "P": p}) for e in ("dots", "kinds", "learned") for p in (0, 1, 7, 33)]
        + [Case("kinds", {"N": 5, "P": 2}, {"kind": values(0, 3)}, fails=(1, ""))]
        + [Case("embed", {"B": b, "H": h, "W": w}) for b, h, w in ((0, 4, 4), (1, 4, 4), (2, 8, 12), (1, 4, 20))]
        + [Case("embed", {"B": 1, "H": 6, "W": 4}, fails=(1, ""))] + [Case("embed_small", {"B": b}) for b in (1, 3)]
    )  # fmt: skip

    def dots(self, z, a, b):
        return (z[a] * z[b]).sum(-1)

    def kinds(self, z, a, kind, b):
        return (z[a] * self.param("dist.rel_emb.weight", 3, 9)[kind] * z[b]).sum(-1)

    def learned(self, z, a, b):
        hidden = F.relu(self.linear("score.mlp.0", torch.cat((z[a], z[b]), -1), 5))
        return self.linear("score.mlp.2", hidden, 1)[:, 0]

    def embed(self, image):
        return self.patch(image, "patches", 7, 4, True)

    def embed_small(self, image):
        return self.patch(image, "small", 5, 2, False)

    def patch(self, image, path, d, size, bias):
        weight = self.param(f"{path}.proj.weight", d, image.shape[1], size, size)
        bias = self.param(f"{path}.proj.bias", d) if bias else None
        return F.conv2d(image, weight, bias, stride=size).flatten(2).transpose(1, 2)
