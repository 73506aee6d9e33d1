"""Train steps with `precision bf16`. The truth rounds where the language says so and computes in f64; the error that is
allowed comes from PyTorch's autocast, which rounds in more places. An f64 working type would ask for its digits of a
computation that rounds to 8 bits, so there are no values for it."""

import contextlib

import torch
from torch.nn import functional as F

from program import integers
from training import Training, run


def rounded(x):
    return x.to(torch.bfloat16).to(x.dtype)


class Border(torch.autograd.Function):
    """What a layer takes or gives is bf16, and so is its cotangent."""

    forward = staticmethod(lambda context, x: rounded(x))
    backward = staticmethod(lambda context, g: rounded(g))


class Operand(torch.autograd.Function):
    """Of a product: what comes back has not been rounded."""

    forward = staticmethod(lambda context, x: rounded(x))
    backward = staticmethod(lambda context, g: g)


class train_precision(Training):
    types = ("f32",)
    labels = {"label": integers(0, 5)}
    cases = [
        run("low_step", 0.01, **labels),
        run("low_step", 0.01, (33, 1, 7, 64), **labels),
        run("seen_step", 0.05, (12, 1, 7, 5, 3), **labels),
    ]

    def here(self, function, x):
        return function.apply(x) if self.type == torch.float64 else x

    def layer(self, path, x, out):
        w, b = self.weight(f"{path}.weight", out, x.shape[-1]), self.weight(f"{path}.bias", out)
        x, w = self.here(Operand, self.here(Border, x)), self.here(Operand, w)
        return self.here(Border, x @ w.T + b) if self.type == torch.float64 else F.linear(x, w, b)

    def norm(self, path, x):
        w, b = self.weight(f"{path}.weight", 8), self.weight(f"{path}.bias", 8)
        return self.here(Border, F.layer_norm(self.here(Border, x), (8,), w, b))

    def autocast(self):
        return contextlib.nullcontext() if self.type == torch.float64 else torch.autocast("cpu", torch.bfloat16)

    def network(self, x):
        x = self.layer("inner", self.here(Border, x), 8)
        for i in range(3):
            h = self.layer(f"h.{i}.fc2", F.gelu(self.layer(f"h.{i}.fc1", self.norm(f"h.{i}.norm", x), 32)), 8)
            x = self.here(Border, x + h)
        return self.layer("out", x, 5)

    def low_step(self, x, label, lr):
        with self.autocast():
            scores = self.network(x)
        loss = F.cross_entropy(scores.to(self.type), label)
        clip = lambda w: torch.nn.utils.clip_grad_norm_(w, 0.5)
        return self.descend("low", loss, lr, lambda p: torch.optim.AdamW(p), clip), scores.to(self.type).amax(-1).mean().detach()

    def seen_step(self, x, label, lr):
        w, b = self.weight("conv.weight", 8, 2, 3, 3), self.weight("conv.bias", 8)
        with self.autocast():
            x = self.here(Operand, self.here(Border, x))
            h = self.here(Border, F.conv2d(x, self.here(Operand, w)) + b[:, None, None])
            scores = self.layer("image", F.relu(h).mean((2, 3)), 5)
        loss = F.cross_entropy(scores.to(self.type), label)
        return self.descend("seen", loss, lr, lambda p: torch.optim.SGD(p, lr=1, momentum=0.9))
