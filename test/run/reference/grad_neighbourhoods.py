"""Derivatives of neighbourhoods, as PyTorch's autograd gives them for gathers, sums by index and dense products."""

import torch
import torch.nn.functional as F

from gradients import Gradients, grad
from neighbours import NODES, SHAPES
from program import Case, grid, integers, narrow, uniform


def derived(function):
    """The entry whose gradient by all tensors but the last, the weights, is asked for."""

    def entry(self, *inputs):
        *given, w = inputs
        by = [x for x in given if torch.is_tensor(x) and x.requires_grad]
        return grad((w * function(*given)).sum(), *by)

    return entry


def over(*entries, width=True, **inputs):
    sizes = [{"S": s, "D": d, "E": e, **({"F": 9} if width else {})} for s, d, e in SHAPES]
    sizes += [{"S": 7, "D": 9, "E": 50, "F": f} for f in (2, 16, 33)] if width else []
    return [Case(entry, size, inputs) for entry in entries for size in sizes]


def around(*entries, width=True, **inputs):
    return [Case(entry, {"N": n, "E": e, **({"F": f} if width else {})}, inputs) for entry in entries for n, e in NODES for f in ((6, 17) if width else (0,))]


def best(g, x, which):
    """Of each target the value of the first edge that has the largest, element by element."""
    found = (g.max if which == "max" else g.min)(x)
    number = torch.arange(g.edges).reshape(-1, *[1] * (x.dim() - 1)).expand_as(x)
    index = g.target.reshape(-1, *[1] * (x.dim() - 1)).expand_as(x)
    hit = torch.where(x == found[g.target], number, g.edges)
    winner = torch.full(found.shape, g.edges).scatter_reduce(0, index, hit, "amin")
    padded = torch.cat([x, torch.zeros(1, *x.shape[1:], dtype=x.dtype)])
    return padded.gather(0, winner)


class grad_neighbourhood(Gradients):
    inputs = {"a": uniform(-1, 1), "c": uniform(-1, 1)}  # weights of scores: logarithms near 0
    cases = (
        over("d_sums", "d_means", "d_largest", "d_smallest", "d_each", "d_attend", "d_whole", "d_turned")
        + over("d_scalars", width=False) + over("d_first", width=False, a=grid(2))
        + [Case("d_sums", {"S": 7, "D": 9, "E": 50, "F": 33}, {"g": narrow}), Case("d_largest", {"S": 7, "D": 9, "E": 50, "F": 33}, {"g": narrow})]
        + around("d_loops", "d_some", "d_free", "d_columns", "dd_smooth", "dd_attend")
        # One edge alone has exact 0, which logarithms do not give.
        + [Case("d_half", {"N": n, "E": e, "F": f}) for n, e in NODES[2:] for f in (6, 17)]
        + around("d_kinds", kind=integers(0, 4)) + around("d_planes", "d_heads", width=False)
        + [Case("forces", {"N": n, "E": e}) for n, e in NODES[1:]]
    )  # fmt: skip

    d_sums = derived(lambda x, y, a, g: g.sum(a[:, None] * x[g.source] * y[g.target] + torch.sin(x[g.source] - y[g.target])))
    d_means = derived(lambda x, y, a, g: g.mean(a[:, None] * torch.exp(x[g.source] * y[g.target])))
    d_largest = derived(lambda x, y, g: best(g, x[g.source] * y[g.target], "max"))
    d_smallest = derived(lambda x, a, g: best(g, x[g.source] + a[:, None], "min"))
    d_first = derived(lambda a, g: best(g, a, "max"))
    d_each = derived(lambda x, y, a, g: torch.tanh(x[g.source] * y[g.target]) * a)
    d_attend = derived(
        lambda a, c, x, g: g.attend(2 * torch.tanh(a[g.source] + c[g.target]) + a[g.source] * c[g.target], x[g.source] * c[g.target][:, None])
    )
    d_scalars = derived(
        lambda a, c, g: g.sum(a[g.source] ** 2 * c[g.target]) + g.attend(a[g.source] * c[g.target], torch.sin(a[g.source]))
    )
    d_whole = derived(lambda x, t, s, g: g.sum(torch.tanh(x[g.source] * s + t)))
    d_columns = derived(lambda x, a, g: g.mean(x[g.source] * x[g.target] * a.T[:, None]).permute(2, 0, 1))
    d_planes = derived(lambda x, y, g: g.sum(torch.softmax(x[g.source] * y[g.target][:, None], -1) * x[g.target]))
    d_free = derived(lambda x, y, t, g: g.sum(x[g.source] * y[g.target][:, None] * t[:, None]).permute(1, 0, 2))

    def d_turned(self, x, a, g, w):
        g = g.reverse()
        return grad((w * g.sum(a[:, None] * x[g.source] ** 2)).sum(), x, a)

    def d_loops(self, x, y, g, w):
        one = g.loops()
        two = one.loops()
        kept = one.where((torch.arange(one.edges) < g.edges) | (one.source != one.target) | (x[one.source, 0] > 0))
        z = kept.sum(x[kept.source] * y[kept.target]) + two.mean(x[two.source] * x[two.target])
        return grad((w * z).sum(), x, y)

    def d_some(self, x, a, keep, g, w):
        some, other = g.where(keep), g.where(keep & (g.source != g.target))
        b, c = a[keep], a[keep & (g.source != g.target)]
        y = some.mean(b[:, None] * x[some.source] * x[some.target])
        z = other.attend(c + x[other.target, 0], x[other.source])
        m = best(some, x[some.source] * b[:, None], "max")
        rows = x[some.source] * b[:, None]
        return grad((w * (y + z + m)).sum() + (rows * rows).sum(), x, a)

    def d_kinds(self, x, y, b, t, kind, g, w):
        keep = g.source != g.target
        some, of = g.where(keep), kind[keep]
        z = some.sum(b[of][:, None] * x[some.source] * t[of] * y[some.target, of % 3][:, None])
        return grad((w * z).sum(), x, y, b, t)

    def d_half(self, q, k, g, w):
        keys = k[g.source].repeat_interleave(2, 1)
        return grad((w * g.attend((q[g.target] * keys).sum(-1) / 4, keys).permute(1, 0, 2)).sum(), q, k)

    def d_heads(self, a, c, x, g, w):
        g = g.loops()
        total = 0
        for k in range(3):
            some = g.where((g.source != g.target) | (a[g.source, k] < c[g.target, k]))
            z = some.attend(F.leaky_relu(a[some.source, k] + c[some.target, k], 0.2), x[some.source, k])
            total = total + (w[k] * z).sum()
        return grad(total, a, c, x)

    def dd_smooth(self, x, y, g, w, v):
        z = g.sum(torch.tanh(x[g.source] * y[g.target])) + g.mean(x[g.source] * x[g.target] ** 2)
        return grad((v * grad((w * z * z).sum(), x)).sum(), x, y)

    def dd_attend(self, a, c, x, g, w, v):
        score = a[g.source] * c[g.target]
        weight = torch.exp(score) / g.sum(torch.exp(score))[g.target]
        z = g.sum(weight[:, None] * x[g.source] * a[g.target][:, None])
        return grad((v * grad((w * z).sum(), x)).sum() + (grad((w * z).sum(), a) * c).sum(), a, c, x)

    def forces(self, p, g, t, w):
        r = torch.sqrt(((p[g.source] - p[g.target]) ** 2).sum(-1) + 0.5)
        h = g.sum(torch.exp(-r[:, None] * t))
        h = h + g.sum(torch.tanh(h[g.source] * h[g.target]) / r[:, None])
        f = -grad((h * h).sum(), p)
        return (f, *grad((w * f).sum(), p, t))


def square(*entries, sizes=((1, 1), (3, 7), (17, 16), (5, 33), (0, 3), (3, 0)), widths=(3, 9), **inputs):
    return [Case(entry, {"M": m, "N": n, "F": f}, inputs) for entry in entries for m, n in sizes for f in widths]


def attend(score, value, keep=None):
    """Over the last axis of the scores; rows without any get 0."""
    if keep is not None:
        score = score.masked_fill(~keep, -torch.inf)
    if score.shape[-1] == 0:
        return score.new_zeros(*score.shape[:-1], value.shape[-1]) + 0 * value.sum()
    top = score.detach().amax(-1, keepdim=True)
    weight = torch.exp(score - torch.where(torch.isfinite(top), top, 0))
    total = weight.sum(-1, keepdim=True)
    return (weight / torch.where(total == 0, 1, total)) @ value


class grad_pairs(Gradients):
    cases = (
        square("d_sums", "d_means", "d_largest", "d_smallest", "d_each", "d_masked")
        # With one source alone the derivative by the score is exactly 0: the difference of two equal sums.
        + square("d_nearest", sizes=((3, 7), (17, 16), (5, 33), (0, 3), (3, 0)))
        + [Case("d_causal", {"M": m, "F": f}) for m in (0, 1, 2, 7, 33) for f in (3, 9)] + square("dd_pairs", sizes=((3, 7), (17, 16)))
    )  # fmt: skip

    d_sums = derived(lambda x, y, a: (a[:, :, None] * torch.tanh(x * y[:, None])).sum(1))

    def d_means(self, x, a, w):
        n, m = a.shape
        count = torch.tril(torch.ones(n, m, dtype=x.dtype))
        z = (a @ x) / max(m, 1) + ((a * count) @ x) / count.sum(1, keepdim=True).clamp(min=1)
        return grad((w * z).sum(), x, a)

    def d_causal(self, x, y, w):
        i = torch.arange(len(x))
        near = (i[:, None] >= i) & (i[:, None] - i < 3)
        return grad((w * y * (near.to(x.dtype) @ x)).sum(), x, y)

    def d_largest(self, x, y, w):
        near = torch.arange(len(x)) <= torch.arange(len(y))[:, None] + 1
        return self._extreme(x - y[:, None], near, w, x, y)

    def d_smallest(self, x, keep, w):
        rows = x.expand(*keep.shape, -1)
        return self._extreme(-rows, keep, -w, x)

    def _extreme(self, values, keep, w, *by):
        if values.shape[1] == 0:
            return grad((w * 0).sum(), *by)
        values = values.masked_fill(~keep[:, :, None], -torch.inf)
        most = values.amax(1)
        return grad((w * torch.where(torch.isfinite(most), most, 0)).sum(), *by)

    def d_each(self, x, y, w):
        other = torch.arange(len(x)) != torch.arange(len(y))[:, None]
        return grad((w * other[:, :, None] * torch.sin(y[:, None] * x)).sum(), x, y)

    d_nearest = derived(lambda a, c, x: attend(-((a[:, None] - c) ** 2), x))

    def d_masked(self, a, x, keep, w):
        return grad((w * attend(a, x, keep)).sum(), a, x)

    def dd_pairs(self, x, y, w, v):
        z = torch.tanh(x * y[:, None]).sum(1)
        return grad((v * grad((w * z * z).sum(), y)).sum(), x, y)


class grad_attention(Gradients):
    types = ("f32", "f64", "bf16")
    row = "all"
    inputs = {"q": uniform(-1, 1), "k": uniform(-1, 1)}  # logarithms near 0
    # With one source alone the derivative by the score is exactly 0: the difference of two equal sums.
    cases = (
        [Case(e, {"N": n, "M": m}) for e in ("d_plain", "d_softcap") for n, m in ((1, 2), (3, 7), (17, 16), (33, 65), (2, 0))]
        + [Case(e, {"B": b, "N": n}) for e in ("d_causal", "d_shared") for b, n in ((4, 2), (2, 7), (1, 17), (2, 33))]
        + [Case("d_masked", {"B": b, "N": n, "M": m}) for b, n, m in ((1, 1, 1), (2, 3, 7), (1, 17, 16), (2, 9, 33))]
        + [Case("dd_attend", {"N": n}) for n in (7, 17, 33)]
    )  # fmt: skip

    d_plain = derived(lambda q, k, v: attend(q @ k.mT / 4, v))
    d_causal = derived(lambda q, k, v: attend(q @ k.mT / 4, v, torch.ones(q.shape[-2], q.shape[-2], dtype=torch.bool).tril()))

    def d_masked(self, q, k, v, keep, bias, w):
        return grad((w * attend(q @ k.mT / 4 + bias, v, keep[:, None, None])).sum(), q, k, v, bias)

    def d_shared(self, q, k, v, w):
        i = torch.arange(q.shape[-2])
        near = (i[:, None] >= i) & (i[:, None] - i < 9)
        keys, rows = k.repeat_interleave(3, 1), v.repeat_interleave(3, 1)
        return grad((w * attend(q @ keys.mT / 4, rows, near)).sum(), q, k, v)

    def d_softcap(self, q, k, v, w):
        i, j = torch.arange(len(q))[:, None], torch.arange(len(k))
        score = 3 * torch.tanh(q @ k.T / 12) - (i - j).to(q.dtype) / 4
        return grad((w * attend(score, v)).sum(), q, k, v)

    def dd_attend(self, q, k, v, w, s):
        y = torch.softmax(q @ k.T / 4, -1) @ v
        return grad((s * grad((w * y).sum(), q)).sum(), q, k, v)
