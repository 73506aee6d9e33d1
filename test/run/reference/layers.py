"""Layers, norms, activations and losses of the prelude against their PyTorch counterparts."""

import torch
import torch.nn.functional as F

from program import FEW, SIZES, Case, Program, absent, grid, integers, uniform, values, vary

INF, NAN = float("inf"), float("nan")


def batches(entry, sizes=FEW, **others):
    return [Case(entry, {"B": b, **others}) for b in sizes]


class linear(Program):
    cases = (
        batches("forward", (*SIZES, 3, 4, 130)) + batches("without", (0, 1, 2, 7, 64)) + batches("one") + batches("down", (0, 1, 5, 6, 7, 33)) + batches("up", (0, 1, 5, 6, 7, 33))
        + [Case("deep", {"A": a, "B": b}) for a, b in ((0, 3), (3, 0), (1, 1), (3, 7))] + [Case("vector")]
        + batches("activated") + batches("residual", SIZES) + batches("twice") + batches("together", (0, 1, 7, 65))
    )  # fmt: skip

    def forward(self, x):
        return self.linear("fc", x, 33)

    deep = vector = forward

    def without(self, x):
        return self.linear("plain", x, 64, bias=False)

    def one(self, x):
        return self.linear("narrow", x, 1)

    def down(self, x):
        return self.linear("tall", x, 7)

    def up(self, x):
        return self.linear("wide", x, 131)

    def activated(self, x):
        return F.relu(self.forward(x))

    def residual(self, x):
        return x + F.gelu(self.linear("square", x, 33))

    def twice(self, x):
        return self.linear("square", torch.tanh(self.linear("square", x, 33)), 33)

    def together(self, x):
        return self.linear("square", x, 33), x @ self.param("square.weight", 33, 33)


class mlp(Program):
    cases = (
        batches("forward", (0, 1, 2, 3, 5, 6, 7, 16, 33)) + batches("gelus")
        + [Case(e, {"B": b, "N": n}) for e in ("swish", "gates") for b, n in ((0, 3), (3, 0), (1, 1), (3, 7))] + batches("two")
    )  # fmt: skip

    def forward(self, x):
        return self.linear("mlp.2", F.relu(self.linear("mlp.0", x, 40)), 5)

    def gelus(self, x):
        return self.linear("other.2", F.gelu(self.linear("other.0", x, 40)), 5)

    def swish(self, x):
        gate, up = self.linear("gated.gate_proj", x, 33, False), self.linear("gated.up_proj", x, 33, False)
        return self.linear("gated.down_proj", F.silu(gate) * up, 16, False)

    def gates(self, x):
        gate, up = self.linear("geglu.wi_0", x, 33, False), self.linear("geglu.wi_1", x, 33, False)
        return self.linear("geglu.wo", F.gelu(gate, approximate="tanh") * up, 16, False)

    def two(self, a, b):
        return F.bilinear(a, b, self.param("bilinear.weight", 9, 5, 7), self.param("bilinear.bias", 9))


SPECIAL = values(0, -0.0, 1, -1, INF, NAN, 0.5, -0.5, 3, -3, 6, 7, 20, -20, 1e-8, -1e-8)
LARGE = values(88, -88, 100, -104, 1e4, -1e4, 1e30, -1e30)
ACTIVATIONS = {
    "relus": F.relu, "relu6s": F.relu6, "gelus": F.gelu, "gelu_tanhs": lambda x: F.gelu(x, approximate="tanh"),
    "softpluss": lambda x: F.relu(x) + torch.log1p(torch.exp(-torch.abs(x))), "elus": F.elu, "selus": F.selu, "silus": F.silu,
    "mishs": F.mish, "hardswishs": F.hardswish, "log_sigmoids": F.logsigmoid, "leaky": F.leaky_relu,
    "leakier": lambda x: F.leaky_relu(x, 0.2), "elu2": lambda x: F.elu(x, 2.0), "dropped": lambda x: x,
}  # fmt: skip


class activations(Program):
    cases = [
        Case(e, {"N": n}, {"x": x} if x else {}, samples=16)
        for e in ACTIVATIONS
        for n, x in ((0, None), (1, None), (331, uniform(-8, 8)), (67, uniform(-1, 1)), (16, SPECIAL), (8, LARGE))
    ]


for entry, function in ACTIVATIONS.items():
    setattr(activations, entry, lambda self, x, f=function: f(x))


class norms(Program):
    parameters = {f"{path}.running_var": uniform(0.5, 2) for path in ("batch", "free", "plane")}
    cases = (
        batches("layers", SIZES) + [Case("deep", {"B": b, "N": n}) for b, n in ((0, 3), (3, 0), (3, 7))] + batches("single") + batches("plain") + batches("no_bias")
        + batches("root", SIZES) + batches("root_plain") + batches("batches") + [Case(e, {"B": b, "L": n}) for e in ("sequences", "groups") for b, n in ((0, 3), (1, 1), (3, 7), (2, 33))]
        + batches("frees") + batches("residual")
        + [Case(e, {"B": b, "H": h, "W": w}) for e in ("images", "instances", "instances_bare", "batch_planes", "batch_own")
           for b, h, w in ((1, 2, 1), (2, 3, 5), (3, 4, 16), (1, 7, 33))]
        + [Case("layers", {"B": 3}, {"x": uniform(1000, 1001)}), Case("layers", {"B": 2}, {"x": values(3)}), Case("root", {"B": 2}, {"x": values(0)})]
    )  # fmt: skip

    def layers(self, x):
        return F.layer_norm(x, (33,), self.param("layer.weight", 33), self.param("layer.bias", 33))

    deep = layers

    def single(self, x):
        return F.layer_norm(x, (1,), self.param("small.weight", 1), self.param("small.bias", 1))

    def plain(self, x):
        return F.layer_norm(x, (17,))

    def no_bias(self, x):
        return F.layer_norm(x, (16,), self.param("unbiased.weight", 16), eps=1e-3)

    def root(self, x):
        return F.rms_norm(x, (33,), self.param("rms.weight", 33), 1.1920929e-7)

    def root_plain(self, x):
        return F.rms_norm(x, (64,), eps=1e-6)

    def batches(self, x):
        return self.batch_norm("batch", x)

    sequences = batches

    def frees(self, x):
        return self.batch_norm("free", x, affine=False)

    def groups(self, x):
        # By hand: PyTorch refuses an empty batch.
        rows = x.reshape(x.shape[0], 3, 4 * x.shape[2])
        rows = (rows - rows.mean(-1, keepdim=True)) * torch.rsqrt(rows.var(-1, correction=0, keepdim=True) + 1e-5)
        return rows.reshape(x.shape) * self.param("group.weight", 12)[:, None] + self.param("group.bias", 12)[:, None]

    def images(self, x):
        return F.group_norm(x, 4, eps=1e-3)

    def instances(self, x):
        return F.instance_norm(x, weight=self.param("instance.weight", 5), bias=self.param("instance.bias", 5))

    def instances_bare(self, x):
        return F.instance_norm(x)

    def batch_planes(self, x):
        return self.batch_norm("plane", x)

    def batch_own(self, x):
        return F.batch_norm(x, None, None, training=True)

    def residual(self, x):
        return x + F.relu(self.layers(x))


LABELS = {"label": integers(0, 10)}
SIGNS = {"y": values(1, -1, -1, 1, 1, -1)}


class losses(Program):
    types = ("f32", "f64")
    row = "all"
    inputs = LABELS
    cases = (
        [c for e in ("entropy", "smooth", "likelihood", "soft", "divergence") for c in batches(e, (1, 7, 130))]
        + [Case("weighted", {"B": b}, {"w": uniform(0.1, 2)}) for b in (1, 33)]
        + [Case("entropy", {"B": 6}, {"label": values(3, -100, 9, 0, -100, 5)}), Case("entropy", {"B": 3}, {"label": values(-100)})]
        + [Case("entropy", {"B": 3}, {"label": values(0, bad)}, fails=(1, "")) for bad in (10, -1)]
        + [Case("rows", {"B": b, "N": n}) for b, n in ((0, 3), (1, 1), (3, 7))]
        + [Case(e, {"B": b, "N": n}) for e in ("squares", "each_square", "distances", "smooth_distances", "hubers") for b, n in ((1, 1), (3, 7), (16, 65))]
        + [Case("binary", {"B": b, "N": n}, {"x": uniform(0.01, 0.99), "y": uniform(0, 1)}) for b, n in ((1, 1), (3, 7), (16, 65))]
        + [Case("binary", {"B": 2, "N": 3}, {"x": values(0, 1, 0, 1, 0.5, 1e-40), "y": values(0, 1, 1, 0, 1, 1)})]
        + [Case(e, {"B": b, "N": n}, {"x": uniform(-9, 9), "y": uniform(0, 1)}) for e in ("logits", "positives") for b, n in ((1, 1), (3, 7), (16, 65))]
        + [Case(e, {"B": b}, SIGNS) for e in ("cosines", "ranks") for b in (1, 6, 33)]
        + [c for e in ("triplets", "contrast", "contrast_both") for c in batches(e, (1, 2, 33))]
    )  # fmt: skip

    def entropy(self, x, label):
        if (label == -100).all():  # PyTorch: NaN
            return x.sum() * 0
        return F.cross_entropy(x, label)

    def smooth(self, x, label):
        return F.cross_entropy(x, label, label_smoothing=0.1)

    def weighted(self, x, label, w):
        return F.cross_entropy(x, label, w)

    def rows(self, x, label):
        return F.cross_entropy(x.movedim(-1, 1), label, reduction="none")

    def likelihood(self, x, label):
        return F.nll_loss(torch.log_softmax(x, -1), label)

    def soft(self, x, q):
        return F.cross_entropy(x, torch.softmax(q, -1))

    def squares(self, x, y):
        return F.mse_loss(x, y)

    def each_square(self, x, y):
        return (x - y) ** 2

    def distances(self, x, y):
        return F.l1_loss(x, y)

    def smooth_distances(self, x, y):
        return F.smooth_l1_loss(x, y, beta=0.5)

    def hubers(self, x, y):
        return F.huber_loss(x, y, delta=0.7)

    def binary(self, x, y):
        return F.binary_cross_entropy(x, y)

    def logits(self, x, y):
        return F.binary_cross_entropy_with_logits(x, y)

    def positives(self, x, y):
        return F.binary_cross_entropy_with_logits(x, y, pos_weight=torch.tensor(3.0, dtype=x.dtype))

    def divergence(self, x, q):
        return F.kl_div(torch.log_softmax(x, -1), torch.softmax(q, -1), reduction="batchmean")

    def cosines(self, a, b, y):
        return F.cosine_embedding_loss(a, b, y, margin=0.2)

    def ranks(self, a, b, y):
        return F.margin_ranking_loss(a, b, y, margin=0.5)

    def triplets(self, a, p, n):
        # PyTorch adds 1e-6 to the difference.
        return F.triplet_margin_loss(a, p, n)

    def contrast(self, a, b, temperature=0.07):
        return F.cross_entropy(F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).T / temperature, torch.arange(len(a)))

    def contrast_both(self, a, b):
        return (self.contrast(a, b, 0.1) + self.contrast(b, a, 0.1)) / 2


class similarity(Program):
    types = ("f32", "f64", "bf16")  # in f16 `eps` is 0
    cases = (
        [Case(e, {"B": b, "N": n}) for e in ("norms", "unit", "cosines") for b, n in ((0, 3), (3, 0), (1, 1), (7, 16), (33, 65))]
        + [Case("unit", {"B": 2, "N": 4}, {"x": values(0, 0, 0, 0, 1, 2, 3, 4)})]
        + [Case("pairs", {"B": b, "C": c, "D": 16}) for b, c in ((0, 3), (3, 0), (1, 1), (7, 33))]
        + [Case("pooled", {"B": b, "N": n, "D": 9}) for b, n in ((0, 3), (3, 0), (1, 1), (5, 33))]
        + [Case("pooled", {"B": 2, "N": 3, "D": 9}, {"keep": values(0, 0, 0, 2, 0, 255)})]
    )  # fmt: skip

    def norms(self, x):
        return torch.linalg.vector_norm(x, dim=-1)

    def unit(self, x):
        return F.normalize(x, dim=-1)

    def cosines(self, a, b):
        return (a * b).sum(-1) / (self.norms(a).clamp(min=1e-8) * self.norms(b).clamp(min=1e-8))

    def pairs(self, a, b):
        return self.unit(a) @ self.unit(b).T

    def pooled(self, x, keep):
        w = keep.to(x.dtype)[..., None]
        return (w * x).sum(1) / w.sum(1).clamp(min=1e-9)


class nested(Program):
    types = ("f32", "f64")
    cases = batches("forward", (0, 1, 2, 7, 33))

    def forward(self, x):
        for i in range(3):
            for j in (1, 2):
                x = self.linear(f"stages.{i}.layers.{j}", x, 9)
            x = torch.tanh(x) * self.param(f"stages.{i}.scale", 9)
        return x


class repeat(Program):
    cases = batches("forward", (0, 1, 2, 5, 6, 7, 16, 33)) + batches("nothing") + batches("single") + batches("around")

    def block(self, path, x):
        y = F.layer_norm(x, (16,), self.param(f"{path}.norm.weight", 16), self.param(f"{path}.norm.bias", 16))
        return x + self.linear(f"{path}.down", F.gelu(self.linear(f"{path}.up", y, 32)), 16)

    def forward(self, x):
        for i in range(5):
            x = self.block(f"blocks.{i}", x)
        return x

    def nothing(self, x):
        return x

    def single(self, x):
        return self.block("one.3", x)

    def around(self, x):
        return torch.tanh(self.forward(x * 2))


class arguments(Program):
    cases = (
        [Case("optional", {"N": n}, {"b": b, "c": c}) for n in (0, 1, 17) for b in (absent, uniform(-1, 1)) for c in (absent, uniform(1, 2))]
        + [Case("several", {"M": m, "N": n}, {"x": grid(64, 4)}) for m, n in ((0, 3), (3, 0), (1, 1), (7, 17))]
        + [Case("nothing", {"N": n}) for n in (0, 1, 33)]
        + [Case("scalars", {}, {"c": values(c)}) for c in (0, 1, 255)]
        + [Case("same", {"B": b, "N": n}) for b, n in ((0, 3), (3, 0), (1, 1), (7, 17))]
        + [Case("known", {"N": n}) for n in (0, 1, 200)]
    )  # fmt: skip

    def optional(self, x, b, c):
        return x * (1 if b is None else b) + (0 if c is None else c)

    def several(self, x):
        return x + 1, x.sum(), x.sum(0)

    def nothing(self, x):
        return x

    def scalars(self, a, b, c):
        return a * 2, b + 1, ~c

    def same(self, x, y):
        return x @ y

    def known(self, x):
        return x.sum() * 0 + len(x)


class ctc(Program):
    types = ("f32", "f64")
    row = "all"
    inputs = {"target": integers(1, 4), "lengths": values(7, 4, 0, 6, 1), "labels": values(3, 1, 0, 2, 1)}
    cases = (
        [Case("rows", {"T": t, "B": b, "S": s}) for t, b, s in ((7, 5, 3), (7, 1, 3), (8, 33, 4))]
        + [Case("rows", {"T": 1, "B": 2, "S": 3}, {"lengths": values(1), "labels": values(0, 1)})]
        + [Case("rows", {"T": 7, "B": 3, "S": 3}, {"target": values(2), "lengths": values(5, 4, 7)})]
        + [Case("whole", {"T": t, "B": b, "S": s}) for t, b, s in ((7, 3, 3), (30, 2, 7), (1, 1, 1), (130, 1, 17))]
        + [Case("last", {"T": 7, "B": 5, "S": 3}, {"target": integers(0, 4)})]
        + [Case("last", {"T": 7, "B": 2, "S": 3}, {"lengths": values(8, 1)}, fails=(1, "lengths"))]
    )  # fmt: skip

    def rows(self, x, target, lengths, labels):
        return F.ctc_loss(torch.log_softmax(x, -1), target, lengths, labels, reduction="none")

    def whole(self, x, target):
        t, b, _ = x.shape
        return F.ctc_loss(torch.log_softmax(x, -1), target, torch.full((b,), t), torch.full((b,), target.shape[1]))

    def last(self, x, target, lengths, labels):
        return F.ctc_loss(torch.log_softmax(x, -1), target, lengths, labels, blank=5, zero_infinity=True)
