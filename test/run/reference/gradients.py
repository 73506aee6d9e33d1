"""Derivatives, as PyTorch's autograd gives them."""

import torch
import torch.nn.functional as F

from program import Case, Program, grid, integers, uniform, values

POSITIVE = {"x": uniform(0.1, 4), "y": uniform(0.5, 3)}
TIES = {"x": grid(6, 2), "y": grid(4, 2), "z": grid(4, 2)}
BOUNDS = {"x": grid(6, 2), "y": values(-1, -2), "z": values(1, 2)}


def grad(value, *by):
    if not torch.is_tensor(value) or not value.requires_grad:
        value = sum(x.sum() * 0 for x in by)  # it depends on none of them
    found = torch.autograd.grad(value, by, create_graph=True, allow_unused=True, materialize_grads=True)
    return found[0] if len(by) == 1 else found


class Gradients(Program):
    """Entries are methods that take tensors which remember how they were computed."""

    types = ("f32", "f64")
    row = "all"

    def __getattribute__(self, name):
        found = super().__getattribute__(name)
        if name.startswith("_") or not callable(found) or name in ("param", "linear", "size", "type"):
            return found

        def entry(*inputs):
            inputs = [x.detach().requires_grad_() if torch.is_tensor(x) and x.is_floating_point() else x for x in inputs]
            return found(*inputs)

        return entry


def derived(function):
    """The entry whose gradient by all arguments but the last, the weights, is asked for."""

    def entry(self, *inputs):
        *x, w = inputs
        return grad((w * function(*x)).sum(), *x)

    return entry


def along(entry, **inputs):
    return [Case(entry, {"N": n}, inputs) for n in (0, 1, 7, 16, 33)]


class grad_elementwise(Gradients):
    row = "element"
    only_f32 = ("d_cast",)
    inputs = {"k": integers(-2, 4)}
    cases = [
        c for name, kinds in (
            ("neg", {}), ("abs", TIES), ("steps", {}), ("exp", {}), ("expm1", {}), ("log", POSITIVE), ("log1p", POSITIVE),
            ("sqrt", POSITIVE), ("rsqrt", POSITIVE), ("sin", {}), ("cos", {}), ("tanh", {}), ("sigmoid", {}), ("erf", {}),
            ("mul", {}), ("sub", {}), ("divide", POSITIVE), ("pow", POSITIVE), ("square", {}), ("integer", {}), ("mod", POSITIVE),
            ("div", POSITIVE), ("maximum", TIES), ("minimum", TIES), ("clamp", {}), ("bounds", BOUNDS), ("atan2", {}),
            ("where", {}), ("cast", {}),
        ) for c in along(f"d_{name}", **kinds)
    ] + [
        Case("d_pow", {"N": 6}, {"x": values(0, 0, 0, 2, 1, 3), "y": values(0, 1, 2, 0, 0, 1)}),
        Case("d_square", {"N": 3}, {"x": values(0, -1, 2)}),
    ]  # fmt: skip

    d_neg = derived(lambda x: -x)
    d_abs = derived(torch.abs)
    d_steps = derived(lambda x: x + torch.sign(x) + torch.floor(x) + torch.ceil(x) + torch.round(x))
    d_exp, d_expm1, d_log, d_log1p = map(derived, (torch.exp, torch.expm1, torch.log, torch.log1p))
    d_sqrt, d_rsqrt, d_sin, d_cos = map(derived, (torch.sqrt, torch.rsqrt, torch.sin, torch.cos))
    d_tanh, d_sigmoid, d_erf = map(derived, (torch.tanh, torch.sigmoid, torch.erf))
    d_mul, d_sub, d_divide, d_pow = map(derived, (torch.mul, torch.sub, torch.div, torch.pow))
    d_square = derived(torch.square)
    d_mod = derived(torch.remainder)
    d_div = derived(lambda x, y: torch.floor(x / y))
    d_maximum, d_minimum, d_atan2 = map(derived, (torch.maximum, torch.minimum, torch.atan2))
    d_clamp = derived(lambda x: torch.clamp(x, -0.5, 1))
    d_bounds = derived(torch.clamp)
    d_where = derived(lambda x, y: torch.where(x > y, x * y, y))

    def d_integer(self, x, w, k):
        return grad((w * x**k).sum(), x)

    def d_cast(self, x, w):
        return grad((w * x**2).sum(), x)


class grad_second(Gradients):
    # One element alone would have PyTorch's error in it as the only measure of what is right.
    cases = [
        Case(e, {"N": n}, kinds) for e, kinds in (("dd_smooth", {}), ("dd_positive", POSITIVE), ("dd_both", POSITIVE), ("dd_pieces", {"y": uniform(0.5, 3)}))
        for n in (0, 7, 16, 33)
    ] + [Case(e, {"M": m, "N": n}) for e in ("dd_joined", "dd_best") for m, n in ((3, 7), (16, 17), (5, 130))]  # fmt: skip

    def dd_smooth(self, x, w, v):
        y = torch.tanh(x) + torch.sigmoid(x) + torch.erf(x) + torch.exp(x) + torch.expm1(x) + torch.sin(x) * torch.cos(x)
        return grad((v * grad((w * y).sum(), x)).sum(), x)

    def dd_positive(self, x, w, v):
        y = torch.log(x) + torch.log1p(x) + torch.sqrt(x) + torch.rsqrt(x) + x**2.5 + 1 / x
        return grad((v * grad((w * y).sum(), x)).sum(), x)

    def dd_both(self, x, y, w, v):
        dx, dy = grad((w * (x**y + x / y + torch.atan2(x, y))).sum(), x, y)
        return grad((v * dx * dy).sum(), x, y)

    def dd_pieces(self, x, y, w, v):
        z = torch.maximum(x * y, y) * torch.minimum(x, y**2) + torch.clamp(x * y, -1, 1) * torch.abs(x)
        z = z + torch.where(x > y, x * y, y) ** 2 + torch.remainder(x, y) * x
        dx, dy = grad((w * z**2).sum(), x, y)
        return grad((v * dx * dy).sum(), x, y)

    def dd_joined(self, x, w, v):
        row = x.mean(-1) * x.amax(-1) - x.amin(-1) ** 2
        z = torch.cat((F.pad(x, (1, 2), value=5) ** 2, x * row[:, None]), -1)
        return grad((v * grad((w * z**2).sum(), x)).sum(), x)

    def dd_best(self, x, w, v):
        return grad((v * grad((w * x.topk(3).values ** 3).sum(), x)).sum(), x)


def tables(entry, sizes=((1, 1), (3, 7), (16, 17), (5, 130)), **inputs):
    return [Case(entry, {"M": m, "N": n}, inputs) for m, n in sizes]


class grad_reductions(Gradients):
    cases = (
        [c for e in ("sum", "kept", "mean", "whole", "var", "logsumexp", "softmax", "columns", "log_softmax") for c in tables(f"d_{e}")]
        + tables("d_unbiased", ((2, 1), (3, 7), (16, 17))) + [c for e in ("max", "min", "largest") for c in tables(f"d_{e}")]
        + [Case("d_max", {"M": 2, "N": 5}, {"x": values(1, 3, 3, 0, 3, -1, -1, -1, -1, -1)})]
        + tables("d_sum", ((0, 3), (3, 0))) + tables("d_softmax", ((0, 3), (3, 0))) + tables("dd_rows")
    )  # fmt: skip

    d_sum = derived(lambda x: (x**2).sum(0))
    d_kept = derived(lambda x: (x**2).sum(-1, keepdim=True))
    d_mean = derived(lambda x: (x**2).mean(1))
    d_var = derived(lambda x: x.var(1, correction=0))
    d_unbiased = derived(lambda x: x.var(0))
    d_logsumexp = derived(lambda x: torch.logsumexp(x, -1))
    d_softmax = derived(lambda x: torch.softmax(x, -1))
    d_columns = derived(lambda x: torch.softmax(x, 0))
    d_log_softmax = derived(lambda x: torch.log_softmax(x, -1))
    # The first of equal elements gets it all: an element chosen by its position.
    d_max = derived(lambda x: x.gather(1, first(x, 1)).squeeze(1))
    d_min = derived(lambda x: x.gather(0, first(-x, 0)).squeeze(0))

    def d_largest(self, x, w):
        flat = x.permute(1, 0, 2).flatten(1)
        return grad((w * flat.gather(1, first(flat, 1)).squeeze(1)).sum(), x)

    def d_whole(self, x):
        return grad(x.mean() ** 2, x)

    def dd_rows(self, x, w, v):
        y = torch.softmax(x, -1) * torch.log_softmax(x, -1) + (torch.logsumexp(x, -1) + x.var(-1, correction=0))[:, None]
        return grad((v * grad((w * y).sum(), x)).sum(), x)


def first(x, axis):
    """The position of the largest element, the first of equals, with its axis."""
    return (x == x.amax(axis, keepdim=True)).to(torch.int8).argmax(axis, keepdim=True)


class grad_shapes(Gradients):
    cases = (
        [c for e in ("broadcast", "turned", "concat", "pad", "row") for c in tables(f"d_{e}", ((1, 1), (3, 7), (16, 17)))]
        + [c for e in ("broadcast", "turned", "concat", "pad") for c in tables(f"d_{e}", ((0, 3), (3, 0)))]
        + tables("d_slice", ((2, 2), (3, 7), (16, 17)))
        + [Case("d_from", {"M": 3, "N": 7}, {"at": values(at)}) for at in (0, 2, 5)]
        + [Case("d_from", {"M": 3, "N": 7}, {"at": values(6)}, (1, "`at` is 6"))]
    )  # fmt: skip

    d_broadcast = derived(lambda x, y: x * y + x)
    d_turned = derived(lambda x: x.permute(2, 1, 0).flatten(0, 1) ** 2)
    d_slice = derived(lambda x: x[1:-1, x.shape[1] - 2 :] ** 2)
    d_row = derived(lambda x: x[-1] ** 2)
    d_concat = derived(lambda x, y: torch.cat((x, y, x), -1) ** 2)
    d_pad = derived(lambda x: F.pad(x, (1, 2), value=5) ** 2)

    def d_from(self, x, w, at):
        return grad((w * x[:, int(at) : int(at) + 2] ** 2).sum(), x)


class grad_products(Gradients):
    cases = (
        [Case(e, {"M": m, "K": k, "N": n}) for e in ("d_matmul", "d_turned") for m, k, n in ((1, 1, 1), (3, 5, 7), (17, 33, 65), (6, 0, 4), (0, 3, 5), (5, 64, 16))]
        + [Case(e, {"B": b, "M": m, "K": k, "N": n}) for e in ("d_batch", "d_shared") for b, m, k, n in ((1, 1, 1, 1), (2, 3, 5, 7), (3, 17, 9, 33), (0, 2, 2, 2))]
        + [Case(e, {"M": m, "K": k}) for e in ("d_dot", "d_vector") for m, k in ((1, 1), (3, 7), (17, 33))]
        + [Case("dd_matmul", {"M": m, "K": k}) for m, k in ((3, 7), (17, 33))]
        + tables("d_outer", ((1, 1), (3, 7), (16, 33))) + [Case("d_square", {"M": m}) for m in (1, 5, 17)]
    )  # fmt: skip

    d_matmul = d_batch = d_shared = d_vector = derived(torch.matmul)
    d_turned = derived(lambda x, y: x.T @ y.T)
    d_dot = derived(lambda x, y: (x * y).sum(-1))
    d_outer = derived(lambda x, y: x[:, None] * y)

    def d_square(self, x):
        return grad((x @ x).sum(), x)

    def dd_matmul(self, x, y, w):
        dx, dy = grad((w * torch.tanh(x @ y)).sum(), x, y)
        return grad((dx @ dy).sum(), x, y)


class grad_(Gradients):
    cases = [
        Case(e, {"B": b}) for e in ("on_the_way", "through", "penalty", "nothing", "stopped", "own", "third", "twice", "activations", "losses")
        for b in (1, 3, 17)
    ] + [Case("lengths", {"B": 3}, {"x": x}) for x in (uniform(-2, 2), values(0, 0, 0, 0, 0, 1, 2, 0, 0, 3))]  # fmt: skip

    def _scaled(self, path, x):
        return x + torch.tanh(self.linear(f"{path}.fc", x, 5))

    def on_the_way(self, x):
        h = self._scaled("one", x)
        return grad((self._scaled("two", h) ** 2).sum(), h)

    def through(self, x):
        y = self._scaled("two", self._scaled("one", x))
        return grad((y**2).sum(), x), y

    def penalty(self, x):
        return (grad(torch.sin(self._scaled("one", x)).sum(), x) ** 2).sum(-1)

    def nothing(self, x, y):
        return grad((x * x).sum(), x, y)

    def stopped(self, x):
        return grad((x * x.detach()).sum(), x)

    def own(self, x):
        return x.clone()

    def third(self, x):
        b = grad(grad(torch.sin(x).sum(), x).sum(), x)
        return grad((b * x).sum(), x)

    def twice(self, x):
        return grad((x**3 + torch.exp(x)).sum(), x)

    def activations(self, x):
        y = F.relu(x) + F.gelu(x) + F.silu(x) + F.softplus(x) + F.elu(x) + F.leaky_relu(x) + F.mish(x)
        return grad(y.sum(), x)

    def lengths(self, x):
        length = lambda x: torch.linalg.vector_norm(x, dim=-1)  # noqa: E731
        return grad(torch.sin(length(x)).sum() + (length(F.normalize(x + 3, dim=-1)) * x[:, 0]).sum(), x)

    def losses(self, x, y):
        e = F.mse_loss(x, y) + F.huber_loss(x, y) + F.binary_cross_entropy_with_logits(x, torch.sigmoid(y))
        return grad(e, x)


class grad_calls(Gradients):
    cases = [Case(e, {"B": b}) for e in ("chain", "both", "shared", "again") for b in (3, 17)]

    def _block(self, path, x):
        h = torch.tanh(self.linear(f"{path}.fc1", x, 10))
        z = torch.sin(x) * torch.sigmoid(self.linear(f"{path}.fc2", h, 5))
        w = torch.softmax(z + x * x, -1) - torch.exp(-z * z)
        return x + w * torch.log(1 + x**2) / torch.sqrt(2 + torch.cos(z)), (h**2).sum(-1)

    def _pair(self, path, x):
        y, a = self._block(f"{path}.one", x)
        z, b = self._block(f"{path}.two", y * 0.5)
        rest = torch.tanh(z) * torch.erf(y) - torch.cos(z * y) * torch.sin(y) + torch.exp(-y * y) * torch.sigmoid(z)
        return z * y + (a - b)[:, None] + rest

    def chain(self, x):
        return grad(self._pair("second", self._pair("first", x)).sum(), x)

    def both(self, x, y):
        return grad((self._pair("first", x) * self._pair("second", y)).sum(), x, y)

    def shared(self, x, y):
        return grad((self._pair("first", x) * self._pair("first", y)).sum() + self._pair("first", x + y).sum(), x, y)

    def again(self, x):
        return grad((grad(self._pair("first", x).sum(), x) ** 2).sum(), x)


def looped(step, x, h, back=False, lengths=None):
    """What `step` gives of each step, stacked, and the last state."""
    ys = [None] * len(x)
    for t in sorted(range(len(x)), reverse=back):
        y, new = step(x[t], h)
        if lengths is not None:
            runs = (t < lengths)[:, None]
            y, new = torch.where(runs, y, 0), torch.where(runs, new, h)
        ys[t], h = y, new
    return (torch.stack(ys) if ys else x.new_zeros(0, *h.shape)), h


class grad_scan(Gradients):
    inputs = {"n": integers(0, 4), "u": uniform(-0.2, 0.2), "v": uniform(-0.2, 0.2)}
    parameters = {"stack.#.norm.weight": uniform(0.5, 1.5), "each.#.norm.weight": uniform(0.5, 1.5)}
    cases = (
        [Case(e, {"T": t, "B": b}) for e in ("d_running", "d_rnn", "d_last", "d_mapped", "d_exchanged", "d_stack", "d_lstm", "d_gru", "d_checkpoints")
         for t, b in ((1, 1), (3, 5), (7, 2), (0, 3), (4, 17), (16, 16))]
        + [Case(e, {"T": t, "B": b}, {"n": values(*n)}) for e in ("d_ragged", "d_ragged_backwards") for t, b, n in (
            (1, 1, (0,)), (1, 1, (1,)), (4, 5, (4, 0, 2, 3, 1)), (7, 7, (2, 5)), (5, 16, (0,)), (3, 33, (3, 1)))]
        + [Case("d_nested", {"S": s, "T": t, "B": b}) for s, t, b in ((1, 1, 1), (3, 2, 5), (2, 4, 17), (2, 0, 3))]
        + [Case(e, {"B": b}) for e in ("d_each", "d_checkpoint") for b in (1, 5, 17)]
        + [Case("dd_rnn", {"T": t, "B": b}) for t, b in ((2, 3), (5, 4), (3, 17))]
    )  # fmt: skip

    def _step(self, path, h, x):
        d = h.shape[-1]
        norm = F.layer_norm(h, (d,), self.param(f"{path}.norm.weight", d), self.param(f"{path}.norm.bias", d))
        return torch.tanh(self.linear(f"{path}.w", norm, d) + x * h)

    def _stack(self, path, copies, h, x):
        for i in range(copies):
            h = self._step(f"{path}.{i}", h, x)
        return h

    def d_running(self, x, c, a):
        all, last = looped(lambda xt, s: ((a * s + xt) ** 2, a * s + xt), x, x.new_zeros(x.shape[1]))
        return grad((all * c).sum() + last.sum(), x, a)

    def d_rnn(self, x, h, u, v, b, c):
        def step(xt, h):
            h = torch.tanh(xt @ u + h @ v + b)
            return h, h

        return grad((looped(step, x, h)[0] * c).sum(), x, h, u, v, b)

    def d_last(self, x, h, u, v):
        def step(xt, h):
            h = torch.tanh(xt @ u + h @ v)
            return h, h

        return grad((looped(step, x, h, back=True)[1] ** 2).sum(), x, h, u, v)

    def _ragged(self, x, n, h, u, v, c, back):
        def step(xt, h):
            h = torch.tanh(xt @ u + h @ v)
            return h * h, h

        y, last = looped(step, x, h, back, n)
        return grad((y * c).sum() + last.sum(), x, h, u, v)

    def d_ragged(self, *inputs):
        return self._ragged(*inputs, back=False)

    def d_ragged_backwards(self, *inputs):
        return self._ragged(*inputs, back=True)

    def d_mapped(self, x, u, c):
        return grad((torch.tanh(x @ u) * c).sum(), x, u)

    def d_exchanged(self, x):
        a, b = x.new_zeros(x.shape[1]), x.new_ones(x.shape[1])
        for xt in x:
            a, b = b, torch.sin(a * b) + 0.125 * xt
        return grad((a * a).sum(), x)

    def d_nested(self, x, w):
        o, total = x.new_zeros(x.shape[2]), 0
        for xs in x:
            i = o
            for xt in xs:
                i = w * i + xt
                total = total + ((i * xt * o) ** 2).sum()
            o = torch.tanh(i)
            total = total + i.sum()
        return grad(total + o.sum(), x, w)

    def d_stack(self, x, h):
        self._stack("stack", 3, h, h)
        last = h
        for xt in x:
            last = self._stack("stack", 3, last, xt)
        return grad((last**2).sum(), x, h)

    def d_each(self, x, h):
        return grad((self._stack("each", 2, h, x) ** 2).sum(), x, h)

    def _cell(self, path, gates, x):
        w = [self.param(f"{path}.{name}", *shape) for name, shape in (
            ("weight_ih_l0", (gates * 6, 7)), ("weight_hh_l0", (gates * 6, 6)), ("bias_ih_l0", (gates * 6,)), ("bias_hh_l0", (gates * 6,)))]  # fmt: skip
        return w, x.new_zeros(x.shape[1], 6)

    def d_lstm(self, x):
        (wi, wh, bi, bh), h = self._cell("lstm", 4, x)
        c, total = h, 0
        for xt in x:
            i, f, g, o = (xt @ wi.T + bi + h @ wh.T + bh).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            total = total + (h**2).sum()
        return grad(total + (h * c).sum(), x)

    def d_gru(self, x):
        (wi, wh, bi, bh), h = self._cell("gru", 3, x)
        total = 0
        for xt in x:
            (ri, zi, ni), (rh, zh, nh) = (xt @ wi.T + bi).chunk(3, -1), (h @ wh.T + bh).chunk(3, -1)
            z = torch.sigmoid(zi + zh)
            h = (1 - z) * torch.tanh(ni + torch.sigmoid(ri + rh) * nh) + z * h
            total = total + (h**2).sum()
        return grad(total + h.sum(), x)

    def d_checkpoint(self, x, w, v):
        h = torch.tanh((x * w) @ v)
        return grad((h * torch.sin(h * x) * h).sum(), x, w, v)

    def d_checkpoints(self, x, h, u, v):
        def step(xt, h):
            h = torch.tanh(xt @ u + h @ v)
            return h**2, h

        y, last = looped(step, x, h)
        return grad(y.sum() + last.sum(), x, h, u, v)

    def dd_rnn(self, x, h, u, v):
        def step(xt, h):
            h = torch.tanh(xt @ u + h @ v)
            return h, h

        dx, dv = grad((looped(step, x, h)[0] ** 2).sum(), x, v)
        return grad((dx**2).sum() + (dv**2).sum(), h, u)
