"""What a context keeps from call to call."""

import torch

from program import Case, Program, integers, values

CONTEXT = {"B": 3, "M": 4}


def call(entry, **sizes):
    return Case(entry, sizes)


def at(position, entry="push", fails=(), **sizes):
    return Case(entry, sizes, {"at": values(position)}, fails)


def sequence(first, *then, **context):
    return Case(first.entry, first.sizes, first.inputs, first.fails, context={**CONTEXT, **context}, then=then)


class state(Program):
    types = ("f32", "f64", "bf16")
    inputs = {"i": integers(0, 3)}
    cases = [
        sequence(call("step"), call("step"), call("turn"), call("turn"), call("step")),
        sequence(call("step"), call("step"), B=0),
        sequence(call("step"), call("turn"), B=1),
        sequence(call("step"), call("turn"), B=33),
        sequence(call("swap"), call("swap"), call("swap"), call("step")),
        sequence(call("part"), call("flip"), call("part"), call("flip")),
        sequence(call("part"), call("flip"), M=7),
        sequence(call("join"), call("join"), call("join")),
        sequence(call("turned"), call("turned"), call("part"), M=7),
        sequence(at(0, N=2), at(2, N=3), at(5, N=4), at(1, N=1), at(0, N=0)),
        sequence(at(8, N=1), at(9, N=1, fails=(1, "`at` is 9")), at(7, N=1), at(0, N=9), B=2),
        sequence(at(3, "twice", N=2), at(0, "twice", N=1), at(7, "twice", N=2, fails=(1, "start of a range")), at(3, N=2)),
        sequence(at(0, "deep", N=2), at(2, "deep", N=1), at(8, "deep", N=1), at(2, "deep", N=7)),
        sequence(at(0, "both", N=2), at(2, "both", N=1), at(1, "both", N=7), at(9, "both", N=1, fails=(1, "`at` is 9")), at(0, "both", N=1)),
        sequence(call("feed", T=3), at(3, N=2), call("feed", T=0), at(6, N=1), call("feed", T=9)),
        sequence(at(4, N=2), call("feed", T=1), Case("feed", {"T": 10}, fails=(1, "range")), at(1, N=3), B=1),
        sequence(call("slide"), call("slide"), call("slide"), call("slide"), call("slide"), call("slide")),
        sequence(
            call("step"),
            Case("lookup", {"N": 3}),
            Case("lookup", {"N": 2}, {"i": values(1, 6)}, (1, "position 1")),
            call("step"),
        ),
        sequence(call("steps", T=4), call("step"), call("steps", T=0), call("steps", T=1), call("turn")),
    ]  # fmt: skip

    def kept(self, name, initial):
        if name not in self.__dict__:
            self.__dict__[name] = initial()
        return self.__dict__[name]

    def rows(self, name, value=0.0, *shape):
        return self.kept(name, lambda: torch.full((self.size("B"), *(shape or (5,))), value, dtype=self.type))

    def step(self, x):
        self.h = torch.tanh(0.5 * self.rows("h") + x)
        return self.h

    def turn(self, w):
        old = self.rows("h")
        self.h = old @ w
        return old + self.h

    def swap(self, x):
        a, b = self.rows("a", 1.0), self.rows("b", 2.0)
        self.a, self.b = b, a + x
        return self.a, self.b

    def grid_(self):
        m = self.size("M")
        return self.kept("grid", lambda: torch.ones((m, m), dtype=self.type))

    def flip(self, s):
        self.grid = s * self.grid_().T
        return self.grid

    def part(self, x):
        before = self.grid_()
        self.grid = before.clone()
        self.grid[1:3] = x
        self.grid[0] = x[1]
        return self.grid - before

    def join(self, x, w):
        before = self.kept("pair", lambda: torch.ones((2, *x.shape), dtype=self.type)) @ w
        self.pair = torch.stack((torch.exp(x), torch.sin(x)))
        return before

    def turned(self, x):
        before = self.grid_() @ x
        self.grid = torch.exp(x).T.clone()
        return before

    def cache(self, name, path, x, at):
        kept = self.rows(name, 0.0, 9, 5)
        n, at = x.shape[1], int(at)
        kept[:, at : at + n] = self.linear(f"{path}.mix", x, 5)
        return x + kept[:, at : at + n] + kept.mean(1, keepdim=True)

    def push(self, x, at):
        return self.cache("one", "one", x, at)

    def twice(self, x, at):
        return self.push(self.push(x, at), int(at) + x.shape[1])

    def deep(self, x, at):
        for i in range(3):
            x = self.cache(f"stack{i}", f"stack.{i}", x, at)
        return x

    def notes(self, path, x, at):
        kept = self.rows(path, 0.0, 9, 5)
        n, at = x.shape[1], int(at)
        y = torch.tanh(self.linear(f"{path}.mix", x, 5))
        z = torch.softmax(y * y, -1)
        kept[:, at : at + n] = y + z
        return torch.softmax(kept[:, at : at + n] * y, -1) + kept.sum(1, keepdim=True) * torch.tanh(z)

    def both(self, x, at):
        return self.notes("right", self.notes("left", x, at), at)

    def feed(self, x):
        return torch.stack([self.push(xt, t) for t, xt in enumerate(x)]) if len(x) else x

    def slide(self, x):
        self.last = torch.cat((self.rows("last", 0.0, 4, 5)[:, 1:], x[:, None]), 1)
        return self.last

    def lookup(self, x, i):
        self.h = self.rows("h") + x
        return self.param("table.weight", 7, 5)[2 * i]

    def steps(self, x):
        return torch.stack([self.step(xt) for xt in x]) if len(x) else x
