"""Train steps, as PyTorch's autograd and optimizers make them."""

import math

import torch

from program import NUMERIC, Case, Program, integers, uniform, values

STEPS = 20
NOT_FINITE = (NUMERIC, "the loss is not finite")


class Training(Program):
    """Its weights stay from step to step. A step is an entry; `descend` makes it from a loss."""

    types = ("f32", "f64")
    row = "all"

    def __init__(self, working):
        super().__init__(working)
        self.weights, self.optimizers, self.averages = {}, {}, {}

    def weight(self, path, *shape):
        if path not in self.weights:
            self.weights[path] = self.param(path, *shape).clone().requires_grad_()
        return self.weights[path]

    def linear(self, path, x, out, bias=True):
        y = x @ self.weight(f"{path}.weight", out, x.shape[-1]).T
        return y + self.weight(f"{path}.bias", out) if bias else y

    def network(self, x):
        return self.linear("fc2", torch.tanh(self.linear("fc1", x, 17)), 5)

    def descend(self, name, loss, lr, make, clip=lambda weights: None, chosen=lambda path: True):
        """One update by the optimizer of this train block, which is made for the weights when they are known."""
        if not torch.isfinite(loss):
            return loss.detach()
        if name not in self.optimizers:
            self.optimizers[name] = make([w for path, w in self.weights.items() if chosen(path)])
        optimizer = self.optimizers[name]
        for group in optimizer.param_groups:
            group["lr"] = float(lr)
        optimizer.zero_grad()
        loss.backward()
        clip([w for group in optimizer.param_groups for w in group["params"]])
        optimizer.step()
        return loss.detach()


class Lion(torch.optim.Optimizer):
    """Chen 2023."""

    def __init__(self, params, beta1=0.9, beta2=0.99, decay=0.0):
        super().__init__(params, {"lr": 0.0})
        self.beta1, self.beta2, self.decay = beta1, beta2, decay

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for w in group["params"]:
                m = self.state[w].setdefault("m", torch.zeros_like(w))
                w.sub_(group["lr"] * (torch.sign(self.beta1 * m + (1 - self.beta1) * w.grad) + self.decay * w))
                m.mul_(self.beta2).add_((1 - self.beta2) * w.grad)


def mse(out, y):
    return ((out - y) ** 2).mean()


def run(entry, lr, sizes=(12,) * STEPS, **inputs):
    """A sequence of steps on batches of these sizes."""
    return sequence(*(step(entry, lr, b, **inputs) for b in sizes))


def step(entry, lr, b=12, **inputs):
    """The mean over no rows is not finite."""
    return Case(entry, {"B": b}, {"lr": values(lr), **inputs}, () if b else NOT_FINITE)


def sequence(first, *then):
    return Case(first.entry, first.sizes, first.inputs, first.fails, then=then)


OPTIMIZERS = {
    "decayed": lambda p: torch.optim.SGD(p, lr=1, momentum=0.9, weight_decay=0.1),
    "nesterov": lambda p: torch.optim.SGD(p, lr=1, momentum=0.8, nesterov=True),
    "adamw": lambda p: torch.optim.AdamW(p, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p),
    "centered": lambda p: torch.optim.RMSprop(p, alpha=0.9, momentum=0.5, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr_decay=0.1, initial_accumulator_value=0.1),
    "lion": lambda p: Lion(p, decay=0.1),
}


class train(Training):
    cases = [
        run("sgd_step", 0.1),
        run("sgd_step", 0.1, (1, 33, 7, 0, 16, 64)),
        run("adam_step", 0.01),
        run("adam_step", 0.01, (17, 1, 65, 8)),
        *(
            run(f"{name}_step", lr)
            for name, lr in (
                ("decayed", 0.05), ("nesterov", 0.05), ("adamw", 0.01), ("rmsprop", 0.01), ("centered", 0.01),
                ("adagrad", 0.1), ("lion", 0.01),
            )
        ),
    ]  # fmt: skip

    def with_error(self, name, x, y, lr, make):
        out = self.network(x)
        return self.descend(name, mse(out, y), lr, make), (out - y).abs().mean().detach()

    def sgd_step(self, x, y, lr):
        return self.with_error("sgd", x, y, lr, lambda p: torch.optim.SGD(p, lr=1))

    def adam_step(self, x, y, lr):
        return self.with_error("adam", x, y, lr, lambda p: torch.optim.Adam(p, weight_decay=0.01))

    def __getattr__(self, entry):
        name = entry.removesuffix("_step")
        if name not in OPTIMIZERS:
            raise AttributeError(entry)
        return lambda x, y, lr: self.descend(name, mse(self.network(x), y), lr, OPTIMIZERS[name])


def cosine(step, peak, total):
    return peak * 0.5 * (1 + math.cos(math.pi * min(step / total, 1)))


class train_clauses(Training):
    """Each train block has its own optimizer and counts its own updates."""

    only_f32 = ("scheduled_step",)  # schedules are computed in f32
    bad = [Case("clipped_step", {"B": 12}, {"lr": values(0.1), "x": values(1, math.nan)}, NOT_FINITE)]
    overflow = [Case("accumulated_step", {"B": 2}, {"lr": values(0.1), "y": values(1e200)}, NOT_FINITE)]
    cases = [
        run("clipped_step", 0.1),
        run("bounded_step", 0.1),
        run("accumulated_step", 0.01, (12, 7, 33, 1, 16) * 2),
        run("frozen_step", 0.01, (12,) * 5),
        run("groups_step", 0.05, (12,) * 5),
        run("scheduled_step", 0.1),
        run("averaged_step", 0.1, (12,) * 5),
        run("averaged_step", 0.1, (12,)),
        run("unreached_step", 0.1, (12,) * 5),
        sequence(*[step(f"{name}_step", 0.02, b) for b in (12, 5, 17) for name in ("clipped", "accumulated", "frozen")]),
        sequence(step("clipped_step", 0.1), *bad, *bad, step("clipped_step", 0.1)),
        sequence(step("accumulated_step", 0.1), *overflow, *[step("accumulated_step", 0.1)] * 3),
    ]

    def __init__(self, working):
        super().__init__(working)
        self.calls, self.steps = {}, {}

    def loss(self, x, y):
        return mse(self.network(x), y)

    def clipped_step(self, x, y, lr):
        clip = lambda w: torch.nn.utils.clip_grad_norm_(w, 0.2)
        return self.descend("clipped", self.loss(x, y), lr, lambda p: torch.optim.SGD(p, lr=1, momentum=0.9), clip)

    def bounded_step(self, x, y, lr):
        clip = lambda w: torch.nn.utils.clip_grad_value_(w, 0.02)
        return self.descend("bounded", self.loss(x, y), lr, lambda p: torch.optim.SGD(p, lr=1), clip)

    def accumulated_step(self, x, y, lr):
        loss = self.loss(x, y)
        if not torch.isfinite(loss):
            return loss.detach()
        n = self.calls["accumulated"] = self.calls.get("accumulated", 0) + 1
        weights = list(self.weights.values())
        found = torch.autograd.grad(loss, weights)
        self.sums = [g if n % 3 == 1 else s + g for s, g in zip(self.__dict__.get("sums", found), found)]
        if n % 3 == 0:
            mean = sum((w * g / 3).sum() for w, g in zip(weights, self.sums))
            self.descend("accumulated", mean, lr, lambda p: torch.optim.Adam(p))
        return loss.detach()

    def frozen_step(self, x, y, lr):
        chosen = lambda path: not path.startswith("fc1.")
        return self.descend("frozen", self.loss(x, y), lr, lambda p: torch.optim.AdamW(p), chosen=chosen)

    def groups_step(self, x, y, lr):
        """Weights by sgd but for that of fc2, which has adam; of the biases only that of fc1 learns."""
        loss = self.loss(x, y)
        w = self.weights
        if "groups" not in self.optimizers:
            self.optimizers["groups"] = (
                torch.optim.SGD([w["fc1.weight"]], lr=1),
                torch.optim.Adam([w["fc2.weight"], w["fc1.bias"]]),
            )
        for optimizer, rate in zip(self.optimizers["groups"], (lr, 0.01)):
            optimizer.param_groups[0]["lr"] = float(rate)
            optimizer.zero_grad()
        loss.backward()
        for optimizer in self.optimizers["groups"]:
            optimizer.step()
        return loss.detach()

    def scheduled_step(self, x, y, lr):
        n = self.steps["scheduled"] = self.steps.get("scheduled", 0) + 1
        rate = cosine(n, float(lr), 10) + 0.01
        return self.descend("scheduled", self.loss(x, y), rate, lambda p: torch.optim.SGD(p, lr=1))

    def averaged_step(self, x, y, lr):
        loss = self.descend("averaged", self.loss(x, y), lr, lambda p: torch.optim.SGD(p, lr=1))
        for path, w in self.weights.items():
            now = w.detach()
            self.averages[path] = 0.9 * self.averages[path] + (1 - 0.9) * now if path in self.averages else now.clone()
        return loss

    def unreached_step(self, x, y, lr):
        """What the loss does not reach does not even decay."""
        self.network(x)
        loss = (self.linear("fc1", x, 17) ** 2).mean() + 0 * y.sum().detach()
        chosen = lambda path: path.startswith("fc1.")
        return self.descend("unreached", loss, lr, lambda p: torch.optim.SGD(p, lr=1, weight_decay=0.5), chosen=chosen)


class train_modes(Training):
    """What training does to buffers, and `eval` and `freeze` below it."""

    cases = [
        run("plain_step", 0.1, (12, 5, 33, 64, 2)),
        run("fixed_step", 0.1, (12, 5, 33, 64, 1)),
        run("kept_step", 0.1, (12, 5, 33)),
        sequence(step("plain_step", 0.1), step("fixed_step", 0.1), step("kept_step", 0.1), step("plain_step", 0.1)),
        sequence(step("plain_step", 0.1), Case("plain_step", {"B": 4}, {"lr": values(0.1), "y": values(math.inf)}, NOT_FINITE)),
    ]
    parameters = {"norm.running_var": uniform(0.5, 2), "norm.num_batches_tracked": values(0)}

    def buffer(self, path, *shape):
        if path not in self.weights:
            self.weights[path] = self.param(path, *shape).clone()
        return self.weights[path]

    def network(self, x, training):
        h = self.linear("fc1", x, 17)
        w, b = self.weight("norm.weight", 17), self.weight("norm.bias", 17)
        mean, var = self.buffer("norm.running_mean", 17), self.buffer("norm.running_var", 17)
        count = self.weights.setdefault("norm.num_batches_tracked", torch.zeros((), dtype=torch.int64))
        self.drawn["norm.num_batches_tracked"] = self.parameters["norm.num_batches_tracked"]
        self.before = mean.clone(), var.clone(), count.clone()
        h = torch.nn.functional.batch_norm(h, mean, var, w, b, training=training, momentum=0.1)
        count += training
        return self.linear("head.fc2", torch.tanh(h), 5)  # its dropout is below `eval` as well

    def moved(self, name, x, y, lr, training, frozen=False):
        chosen = lambda path: "running" not in path and "num" not in path and not (frozen and path.startswith("norm."))
        loss = mse(self.network(x, training), y)
        result = self.descend(name, loss, lr, lambda p: torch.optim.SGD(p, lr=1, momentum=0.9), chosen=chosen)
        if frozen or not torch.isfinite(loss):
            for path, old in zip(("mean", "var"), self.before):
                self.weights[f"norm.running_{path}"].copy_(old)
            self.weights["norm.num_batches_tracked"].copy_(self.before[2])
        return result

    def plain_step(self, x, y, lr):
        return self.moved("plain", x, y, lr, True)

    def fixed_step(self, x, y, lr):
        return self.moved("fixed", x, y, lr, False)

    def kept_step(self, x, y, lr):
        return self.moved("kept", x, y, lr, True, frozen=True)


class train_layers(Training):
    """A network of three residual blocks."""

    labels = {"label": integers(0, 5)}
    cases = [
        run("clipped_step", 0.01, (12, 33, 1, 7, 64), **labels),
        run("accumulated_step", 0.1, (12, 33, 1, 7, 64), **labels),
        run("frozen_step", 0.01, (12, 33, 7), **labels),
        run("twice_step", 0.01, (12, 33, 7), **labels),
    ]
    parameters = {"h.1.norm.weight": uniform(0.5, 1.5)}

    def network(self, x):
        x = self.linear("inner", x, 8)
        for i in range(3):
            w, b = self.weight(f"h.{i}.norm.weight", 8), self.weight(f"h.{i}.norm.bias", 8)
            h = torch.nn.functional.layer_norm(x, (8,), w, b)
            x = x + self.linear(f"h.{i}.fc2", torch.nn.functional.gelu(self.linear(f"h.{i}.fc1", h, 16)), 8)
        return self.linear("out", x, 5)

    def clipped_step(self, x, label, lr):
        scores = self.network(x)
        right = (scores.argmax(-1) == label).to(torch.float32).mean()
        clip = lambda w: torch.nn.utils.clip_grad_norm_(w, 0.5)
        loss = torch.nn.functional.cross_entropy(scores, label)
        return self.descend("clipped", loss, lr, lambda p: torch.optim.AdamW(p), clip), right

    def accumulated_step(self, x, label, lr):
        loss = torch.nn.functional.cross_entropy(self.network(x), label)
        if "plain" not in self.optimizers:
            plain = lambda path: ".norm." in path or path.endswith(".bias")
            groups = [[w for path, w in self.weights.items() if plain(path) == which] for which in (True, False)]
            self.optimizers["plain"] = [torch.optim.SGD(groups[0], lr=1), torch.optim.SGD(groups[1], lr=1, momentum=0.9)]
            self.calls = 0
        self.calls += 1
        (loss / 2).backward()
        for optimizer in self.optimizers["plain"] if self.calls % 2 == 0 else []:
            optimizer.param_groups[0]["lr"] = float(lr)
            optimizer.step()
            optimizer.zero_grad()
        return loss.detach()

    def frozen_step(self, x, label, lr):
        loss = torch.nn.functional.cross_entropy(self.network(x), label)
        chosen = lambda path: not path.startswith("inner.") and ".fc1." not in path
        return self.descend("frozen", loss, lr, lambda p: torch.optim.Adam(p), chosen=chosen)

    def twice_step(self, x, label, lr):
        scores = self.network(torch.tanh(x) + 0.1 * x) + self.network(x)
        loss = torch.nn.functional.cross_entropy(scores, label) + 0.01 * (self.linear("inner", x, 8) ** 2).mean()
        return self.descend("twice", loss, lr, lambda p: torch.optim.Adam(p))


class train_copies(Training):
    """Four blocks, in each a norm with buffers and two layers."""

    cases = [
        run("frozen_step", 0.01, (12, 5, 33)),
        run("grouped_step", 0.05, (12, 5, 33, 7, 16)),
        run("scaled_step", 0.05, (12, 5, 33)),
        run("fixed_step", 0.05, (12, 5, 33)),
        run("still_step", 0.05, (12, 1, 33)),
        sequence(*[step(f"{name}_step", 0.02, b) for b in (12, 5) for name in ("frozen", "grouped", "scaled")]),
    ]
    parameters = {f"h.{i}.norm.num_batches_tracked": values(0) for i in range(4)}
    parameters |= {f"h.{i}.norm.running_var": uniform(0.5, 2) for i in range(4)}

    def __init__(self, working):
        super().__init__(working)
        self.sizes_of = {}

    def buffer(self, path, *shape):
        if path not in self.weights:
            self.weights[path] = self.param(path, *shape).clone()
        return self.weights[path]

    def network(self, x, kept=(), still=()):
        for i in range(4):
            path = f"h.{i}.norm"
            w, b = self.weight(f"{path}.weight", 6), self.weight(f"{path}.bias", 6)
            mean, var = self.buffer(f"{path}.running_mean", 6), self.buffer(f"{path}.running_var", 6)
            count = self.weights.setdefault(f"{path}.num_batches_tracked", torch.zeros((), dtype=torch.int64))
            self.drawn[f"{path}.num_batches_tracked"] = self.parameters[f"{path}.num_batches_tracked"]
            if i in kept:
                mean, var = mean.clone(), var.clone()
            h = torch.nn.functional.batch_norm(x, mean, var, w, b, training=i not in still, momentum=0.1)
            count += i not in kept and i not in still
            for k in range(2):
                h = h + 0.5 * torch.tanh(self.linear(f"h.{i}.inner.{k}.fc", h, 6))
            x = x + h
        return self.linear("out", x, 5)

    def trained(self, chosen=lambda path: True):
        return {p: w for p, w in self.weights.items() if w.requires_grad and chosen(p)}

    def frozen_step(self, x, y, lr):
        chosen = lambda path: not path.startswith("h.0.") and not path.startswith("h.2.inner.1.")
        loss, weights = mse(self.network(x, kept=(0,)), y), self.trained(chosen)
        if "frozen" not in self.optimizers:
            self.optimizers["frozen"] = torch.optim.Adam(weights.values(), lr=float(lr))
        optimizer = self.optimizers["frozen"]
        optimizer.param_groups[0]["lr"] = float(lr)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 0.1)
        optimizer.step()
        for path, w in self.trained().items():
            now, known = w.detach(), path in self.averages and chosen(path)
            self.averages[path] = 0.9 * self.averages[path] + (1 - 0.9) * now if known else now.clone()
        return loss.detach()

    def grouped_step(self, x, y, lr):
        loss = mse(self.network(x), y)
        if "grouped" not in self.optimizers:
            adam = lambda path: path.startswith("h.1.") or path == "h.3.inner.0.fc.weight"
            grad = lambda path: path.startswith("h.2.inner.") and path.endswith(".fc.bias")
            plain = lambda path: not adam(path) and not grad(path)
            self.optimizers["grouped"] = [
                torch.optim.SGD(self.trained(plain).values(), lr=1, momentum=0.9),
                torch.optim.Adam(self.trained(adam).values()),
                torch.optim.Adagrad(self.trained(grad).values(), initial_accumulator_value=0.1),
            ]
            self.calls, self.sums = 0, [torch.zeros_like(w) for w in self.trained().values()]
        self.calls += 1
        found = torch.autograd.grad(loss, list(self.trained().values()))
        self.sums = [s + g / 2 for s, g in zip(self.sums, found)]
        if self.calls % 2 == 0:
            for w, g in zip(self.trained().values(), self.sums):
                w.grad = g
            for optimizer, rate in zip(self.optimizers["grouped"], (lr, 0.01, lr)):
                optimizer.param_groups[0]["lr"] = float(rate)
                optimizer.step()
            self.sums = [torch.zeros_like(s) for s in self.sums]
        return loss.detach()

    def fixed_step(self, x, y, lr):
        loss, chosen = mse(self.network(x, still=(1, 3)), y), self.trained()
        return self.descend("fixed", loss, lr, lambda p: torch.optim.SGD(p, lr=1), chosen=lambda path: path in chosen)

    def still_step(self, x, y, lr):
        loss, chosen = mse(self.network(x, still=range(4)), y), self.trained()
        return self.descend("still", loss, lr, lambda p: torch.optim.SGD(p, lr=1), chosen=lambda path: path in chosen)

    def scaled_step(self, x, y, lr):
        """Copies of one optimizer that lie side by side are one tensor."""
        loss = mse(self.network(x), y)
        weights = self.trained()
        found = dict(zip(weights, torch.autograd.grad(loss, list(weights.values()), allow_unused=True)))
        tails = ("norm.weight", "norm.bias", "inner.#.fc.weight", "inner.#.fc.bias")
        for copies, rate in ((1, 2), lr), ((3,), 0.02):
            for tail in tails:
                inner = (0, 1) if "#" in tail else (0,)
                paths = [f"h.{i}.{tail.replace('#', str(k))}" for i in copies for k in inner]
                g = torch.stack([found[p] for p in paths])
                key = (copies, tail)
                self.sizes_of[key] = 0.9 * self.sizes_of.get(key, 0) + (g**2).mean()
                for p in paths:
                    with torch.no_grad():
                        weights[p].sub_(float(rate) * found[p] / (torch.sqrt(self.sizes_of[key]) + 0.1))
        return loss.detach()
