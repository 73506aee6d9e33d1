"""Loops over sequences, and the recurrent layers of the prelude against torch.nn."""

import torch
import torch.nn.functional as F

from program import FEW, Case, Program, absent, integers, uniform, values, vary

STEPS = (0, 1, 2, 3, 7, 16)


def sizes(entry, base=None, **others):
    """A step or row more or less decides: all small numbers of both."""
    base = base or {"T": 3, "B": 5}
    return [Case(entry, s, **others) for s in [*vary(base, T=STEPS, B=FEW), {**base, "T": 0, "B": 0}]]


class scan(Program):
    inputs = {"n": integers(0, 4)}
    parameters = {"cell.norm.weight": uniform(0.5, 1.5), "each.#.norm.weight": uniform(0.5, 1.5)}
    cases = (
        [c for c in sizes("total") if c.sizes["T"]] + sizes("running") + sizes("mapped") + sizes("backwards") + sizes("recurrent")
        + sizes("cells") + sizes("fibonacci")
        + [Case("nested", {"S": s, "T": t, "B": b}) for s, t, b in ((0, 3, 2), (3, 0, 2), (3, 2, 0), (1, 1, 1), (2, 3, 17), (3, 4, 5))]
        + sizes("stacked") + [Case("repeated", {"B": b}) for b in FEW]
        + [Case(e, {"T": t, "B": b}, {"n": values(*n)}) for e in ("ragged", "ragged_backwards") for t, b, n in (
            (0, 3, (0,)), (1, 1, (0,)), (1, 1, (1,)), (4, 5, (4, 0, 2, 3, 1)), (7, 7, (2, 5)), (5, 16, (0,)), (3, 33, (3, 1)), (8, 0, (1,)))]
        + [Case("ragged_backwards", {"T": 5, "B": 3}, {"n": absent})]
        + [Case("counted", {"T": 5, "B": 7}, {"n": values(4, -1, 2, 0)})]
        + [Case("ragged", {"T": 4, "B": 3}, {"n": values(4, n, 1)}, (1, f"`n` holds {n} at position 1")) for n in (5, -1)]
        + [Case("counted", {"T": 4, "B": 3}, {"n": values(3, 2, n)}, (1, "a length")) for n in (4, -2)]
    )  # fmt: skip

    def total(self, x):
        return self.loop(x, x[0] * 0, lambda s, xt: s + xt)[1]

    def loop(self, x, h, step, back=False, lengths=None):
        ys = {}
        for t in sorted(range(len(x)), reverse=back):
            new = step(h, x[t])
            y = new
            if lengths is not None:
                runs = (t < lengths).reshape(-1, *[1] * (new.dim() - 1))
                new, y = torch.where(runs, new, h), torch.where(runs, new + 1, 0)
            h, ys[t] = new, y
        y = torch.stack([ys[t] for t in range(len(x))]) if ys else x.new_zeros(0, *h.shape)
        return y, h

    def zero(self, x, *shape):
        return x.new_zeros(*shape)

    def running(self, x):
        return self.loop(x, self.zero(x, x.shape[1]), lambda s, xt: 0.5 * s + xt)

    def mapped(self, x):
        return torch.tanh(self.linear("into", x, 33))

    def backwards(self, x):
        y, s = self.loop(x, self.zero(x, x.shape[1]), lambda s, xt: 0.5 * s + xt, back=True)
        return 2 * y, s

    def into(self, h, xt):
        return torch.tanh(self.linear("into", xt, 33) + self.linear("back", h, 33, bias=False))

    def recurrent(self, x, m):
        h, ys, before = self.zero(x, x.shape[1], 33), [], []
        self.into(h, self.zero(x, x.shape[1], 7))
        for xt, mt in zip(x, m):
            before.append(h)
            h = torch.where(mt[:, None], self.into(h, xt), h)
            ys.append(h)
        stack = lambda v: torch.stack(v) if v else self.zero(x, 0, x.shape[1], 33)  # noqa: E731
        return stack(ys), stack(before), h, m.sum(0)

    def cell(self, path, x, h):
        d = h.shape[-1]
        h = F.layer_norm(h, (d,), self.param(f"{path}.norm.weight", d), self.param(f"{path}.norm.bias", d))
        return torch.tanh(x + self.linear(f"{path}.up", h, d))

    def cells(self, x, h):
        self.cell("cell", h, h)
        return self.loop(x, h, lambda h, xt: self.cell("cell", xt, h))

    def fibonacci(self, x):
        a, b = self.zero(x, x.shape[1]), self.zero(x, x.shape[1]) + 1
        for xt in x:
            a, b = b, 0.5 * (a + b) + 0.125 * xt
        return a, b

    def nested(self, x):
        s, t, b = x.shape
        o, rows, all_rows = self.zero(x, b), self.zero(x, s, b), self.zero(x, s, t, b)
        for k in range(s):
            i = o
            for j in range(t):
                i = 0.5 * i + x[k, j]
                all_rows[k, j] = i * x[k, j]
            rows[k] = i
            o = torch.tanh(i)
        return rows, all_rows, o

    def stacked(self, x, h):
        def step(h, xt):
            for i in range(3):
                h = torch.tanh(self.linear(f"stack.{i}.w", h, 8) + xt)
            return h

        step(h, h)
        return self.loop(x, h, step)[1]

    def repeated(self, x, h):
        return self.cell("each.1", self.cell("each.0", x, h), h)

    def ragged(self, x, n, back=False):
        h = self.zero(x, x.shape[1], 33)
        self.into(h, self.zero(x, x.shape[1], 7))
        n = torch.full((x.shape[1],), len(x)) if n is None else n
        return self.loop(x, h, self.into, back, n)

    def ragged_backwards(self, x, n):
        return self.ragged(x, n, back=True)

    def counted(self, x, n):
        y, s = self.loop(x, self.zero(x, x.shape[1]), lambda s, xt: s + xt, lengths=n + 1)
        runs = torch.arange(len(x))[:, None] < n + 1
        return torch.where(runs, y - 1, 0), s


class recurrent(Program):
    """torch.nn itself; ragged batches row by row, each with its own number of steps."""

    types = ("f64", "f32")
    cases = (
        [c for e in ("plain", "deep", "single", "long_deep", "long_both", "gated", "gated_deep", "gated_both", "minimal") for c in (
            Case(e, {"T": t, "B": b}, {"n": absent} if e == "minimal" else {}) for t, b in ((1, 1), (2, 3), (7, 5), (5, 17), (3, 33)))]
        + [Case(e, {"T": t, "B": b}, {"n": values(*n)}) for e in ("ragged", "long_ragged", "gated_ragged", "minimal") for t, b, n in (
            (1, 1, (1,)), (4, 5, (4, 0, 2, 3, 1)), (7, 9, (2, 5, 7)), (3, 2, (0,)), (6, 17, (1, 6, 3, 4)))]
        + [Case("cells", {"B": b}) for b in FEW]
        + [Case("long_ragged", {"T": 3, "B": 2}, {"n": values(1, 4)}, (1, "`n` holds 4 at position 1"))]
    )  # fmt: skip

    def net(self, path, kind, *sizes, **options):
        net = getattr(torch.nn, kind)(*sizes, dtype=self.type, **options)
        for name, p in net.named_parameters():
            p.data = self.param(f"{path}.{name}", *p.shape).detach()
            self.holds(f"{path}.{name}", p)
        return net

    def walk(self, net, x, n=None, start=None):
        if n is None:
            y, h = net(x, start)
            return (y, *h) if isinstance(h, tuple) else (y, h)
        # One row at a time. A row without steps keeps its zeros.
        states = net.num_layers * (2 if net.bidirectional else 1)
        y = x.new_zeros(*x.shape[:2], net.hidden_size * (2 if net.bidirectional else 1))
        ends = [x.new_zeros(states, x.shape[1], net.hidden_size) for _ in range(2 if isinstance(net, torch.nn.LSTM) else 1)]
        for b, steps in enumerate(n.tolist()):
            if steps:
                rows, *last = self.walk(net, x[:steps, b : b + 1])
                y[:steps, b : b + 1] = rows
                for end, v in zip(ends, last):
                    end[:, b : b + 1] = v
        return (y, *ends)

    def plain(self, x):
        return self.walk(self.net("rnn", "RNN", 7, 9, nonlinearity="relu"), x)

    def deep(self, x, h0):
        return self.walk(self.net("rnn2", "RNN", 5, 6, 3), x, None, h0)

    def single(self, x, h0, c0):
        return self.walk(self.net("lstm", "LSTM", 7, 16), x, None, (h0, c0))

    def long_deep(self, x):
        y, h, c = self.walk(self.net("lstm3", "LSTM", 5, 8, 3), x.transpose(0, 1))
        return y.transpose(0, 1), h, c

    def long_both(self, x, n=None):
        return self.walk(self.net("bilstm", "LSTM", 6, 17, 2, bidirectional=True), x, n)

    long_ragged = long_both

    def ragged(self, x, n):
        return self.walk(self.net("birnn", "RNN", 6, 5, bidirectional=True), x, n)

    def gated(self, x, h0):
        return self.walk(self.net("gru", "GRU", 7, 16), x, None, h0)

    def gated_deep(self, x):
        return self.walk(self.net("gru3", "GRU", 5, 8, 3, bias=False), x)

    def gated_both(self, x, n=None):
        return self.walk(self.net("bigru", "GRU", 6, 17, 2, bidirectional=True), x, n)

    def gated_ragged(self, x, n):
        y, h = self.gated_both(x.transpose(0, 1), n)
        return y.transpose(0, 1), h

    def minimal(self, x, n):
        z, new = torch.sigmoid(self.linear("min.linear_z", x, 13)), self.linear("min.linear_h", x, 13)
        h, ys = x.new_zeros(x.shape[1], 13), []
        for t in range(len(x)):
            runs = torch.full((x.shape[1], 1), True) if n is None else (t < n)[:, None]
            h = torch.where(runs, (1 - z[t]) * h + z[t] * new[t], h)
            ys.append(torch.where(runs, h, 0))
        return torch.stack(ys), h

    def cells(self, x, h, s):
        a, b, c = (self.net(p, k, 4, 5) for p, k in (("a", "RNNCell"), ("b", "LSTMCell"), ("c", "GRUCell")))
        return a(x, h), *b(x, (h, s)), c(x, h)
