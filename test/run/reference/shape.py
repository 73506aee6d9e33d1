"""Operations that move elements and change none; reading by integer tensors."""

import torch

from program import FEW, Case, Program, count, integers, uniform, values, vary


class Moves(Program):
    exact = True


def entry_cases(entry, *sizes, **inputs):
    return [Case(entry, s, inputs) for s in sizes]


def sizes(names, *numbers):
    return [dict(zip(names, n, strict=True)) for n in numbers]


AB = sizes("AB", (0, 3), (3, 0), (1, 1), (5, 7), (16, 33), (65, 64), (1, 130), (130, 1))
SQUARES = sizes("AB", (16, 16), (33, 65), (65, 33), (7, 64), (64, 9), (130, 15))
ABC = sizes("ABC", (0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 1, 1), (5, 7, 9), (2, 33, 16))
BN = sizes("BN", (0, 3), (3, 0), (1, 1), (5, 7), (2, 33))
M = sizes("M", (0,), (1,), (7,), (33,))
N = sizes("N", (0,), (1,), (7,), (33,))
MN = vary({"M": 5, "N": 17}, M=FEW, N=FEW)


class rearrange(Moves):
    cases = (
        entry_cases("turn", *ABC) + entry_cases("split_axis", *BN) + entry_cases("merge", *BN)
        + entry_cases("flat", *AB) + entry_cases("ones", *AB) + entry_cases("drop", *AB) + entry_cases("matrix", *AB)
        + entry_cases("used", *AB, x=integers(-100, 100), y=integers(-100, 100)) + entry_cases("integers", *AB) + entry_cases("bytes", *AB)
        + [Case(entry, s) for entry in ("matrix", "pair", "integers", "bytes") for s in SQUARES]
    )  # fmt: skip

    def turn(self, x):
        return x.permute(2, 0, 1)

    def split_axis(self, x):
        return x.reshape(*x.shape[:2], 3, 4).permute(0, 2, 1, 3)

    def merge(self, x):
        return x.permute(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], 12)

    def flat(self, x):
        return x.reshape(-1)

    def ones(self, x):
        return x[:, None, :, None]

    def drop(self, x):
        return x[:, 0].T

    def matrix(self, x):
        return x.T

    integers = bytes = matrix

    def used(self, x, y):
        return x + y.T * 2

    def pair(self, x, y, z):
        return torch.where(z > 0, x.T, y.T)


class slice_(Program):
    cases = (
        [Case("row", {"M": m, "N": n}, {"i": values(i)}) for m, n, i in ((1, 1, 0), (7, 33, 0), (7, 33, 6), (3, 0, 1))]
        + [Case("row", {"M": m, "N": 5}, {"i": values(i)}, fails=(1, "")) for m, i in ((3, 3), (3, -1), (0, 0), (2, 2**40))]
        + entry_cases("first", *M) + entry_cases("last", *M) + entry_cases("range", *M) + entry_cases("head", *M) + entry_cases("tail", *M)
        + [Case("window", {"M": m, "N": n}, {"at": values(i)}) for m, n, i in ((3, 5, 0), (3, 9, 4), (0, 9, 2), (7, 33, 28))]
        + [Case("window", {"M": 3, "N": n}, {"at": values(i)}, fails=(1, "")) for n, i in ((5, 1), (4, 0), (9, -1), (9, 2**62))]
        + entry_cases("rows", *N) + entry_cases("used", *M) + entry_cases("product", *MN) + entry_cases("integers", *M)
    )  # fmt: skip

    def row(self, x, i):
        return x[i]

    def first(self, x):
        return x[:, 0]

    def last(self, x):
        return x[:, -1]

    def range(self, x):
        return x[:, 3:7]

    integers = range

    def head(self, x):
        return x[:, :3]

    def tail(self, x):
        return x[:, -2:]

    def window(self, x, at):
        return x[:, at : at + 5]

    def rows(self, x):
        return x[2:6]

    def used(self, x):
        return torch.tanh(x[:, 5:]) + x[:, :4]

    def product(self, x, y):
        return x[:, 3:7] @ y


MNK = sizes("MNK", (0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 1, 1), (5, 7, 9), (33, 16, 17))


class concat(Program):
    cases = entry_cases("forward", *MNK) + entry_cases("rows", *MNK) + entry_cases("three", *M) + entry_cases("twice", *MN) + entry_cases("computed", *MNK) + entry_cases("integers", *MNK)

    def forward(self, a, b):
        return torch.cat([a, b], -1)

    integers = forward

    def rows(self, a, b):
        return torch.cat([a, b], 0)

    def three(self, a, b, c):
        return torch.cat([a, b, c], -1)

    def twice(self, a):
        return torch.cat([a, a], 0)

    def computed(self, a, b):
        return torch.cat([torch.tanh(a), b * 2], -1) + 1


class split(Program):
    cases = entry_cases("forward", *M) + entry_cases("rows", *N) + entry_cases("parts", *M)

    def forward(self, x):
        return torch.stack(x.chunk(3, -1))

    def rows(self, x):
        return x.reshape(4, 3, -1)

    def parts(self, x):
        i, j, k = x.chunk(3, -1)
        return i * j, k - i


class pad(Program):
    cases = entry_cases("forward", *MN) + entry_cases("rows", *MN) + entry_cases("nothing", *MN) + entry_cases("computed", *MN) + entry_cases("integers", *N)

    def forward(self, x):
        return torch.nn.functional.pad(x, (2, 3))

    def rows(self, x):
        return torch.nn.functional.pad(x, (0, 0, 0, 1), value=-1.5)

    def nothing(self, x):
        return x

    def computed(self, x):
        return torch.nn.functional.pad(torch.exp(x), (1, 0)) * 2

    def integers(self, x):
        return torch.nn.functional.pad(x, (1, 2), value=7)


class iota(Program):
    cases = [Case("forward")] + entry_cases("free", *N) + entry_cases("from", *N) + entry_cases("square", *MN)

    def forward(self):
        return torch.arange(7)

    def free(self, x):
        return x + torch.arange(len(x)).to(x.dtype)

    def square(self, x):
        return torch.tril(x)


setattr(iota, "from", lambda self, x: x * torch.arange(5, 5 + len(x)))


class gather(Program):
    inputs = {"index": integers(0, 11)}
    cases = (
        [Case("forward", {"S": 11, "N": n, "M": m}) for n, m in ((0, 3), (3, 0), (1, 1), (7, 5), (16, 33), (65, 64), (300, 100))]
        + [Case("forward", {"S": 11, "N": 4, "M": 7}, {"index": values(*bad)}, fails=(1, "")) for bad in ((0, 11), (-1,), (2**62,), (0, 0, 0, 0, 0, 0, 11))]
        + [Case("forward", {"S": 0, "N": 4, "M": 2}, fails=(1, "")), Case("forward", {"S": 0, "N": 4, "M": 0})]
        + [Case("matrix", {"S": 11, "A": a, "B": b, "N": 9}) for a, b in ((0, 2), (1, 1), (3, 5))]
        + [Case("columns", {"S": 11, "M": m, "K": k}) for m, k in ((0, 2), (1, 1), (5, 33))]
        + [Case("elements", {"S": 11, "K": k}) for k in (0, 1, 15, 16, 17, 130)]
        + [Case("words", {"S": 11, "N": 9, "M": 7}), Case("words", {"S": 11, "N": 9, "M": 7}, {"index": values(3, -5)}, fails=(1, ""))]
        + [Case("integers", {"S": 11, "K": k}, {"x": count}) for k in (0, 1, 33)]
        + [Case("computed", {"S": 11, "N": n, "M": 33}, {"index": integers(0, 1000)}) for n in (1, 16, 33)]
        + [Case("unchecked", {"S": 12, "N": 9, "M": 33})]
        + [Case("unchecked", {"S": 11, "N": 9, "M": m}, {"index": values(*good, 10)}, fails=(1, "")) for m, good in ((1, ()), (33, [0] * 32), (500, [0] * 499))]
        + [Case("product", {"S": 11, "N": n, "M": m, "K": k}) for n, m, k in ((0, 3, 4), (3, 0, 4), (7, 5, 17), (33, 16, 9))]
    )  # fmt: skip

    def forward(self, x, index):
        return x[index]

    matrix = elements = integers = forward

    def words(self, x, index):
        return x[index.to(torch.int64)]

    def columns(self, x, index):
        return x[:, index]

    def computed(self, x, index):
        return x[torch.remainder(index * 3, len(x))] * 2

    def unchecked(self, x, index):
        return x[index + 1]

    def product(self, x, index, y):
        return x[index] @ y


class pick(Program):
    inputs = {"index": values(0, 3, 1, 2)}
    cases = (
        [Case("forward", {"M": m, "N": n}) for m, n in ((0, 4), (1, 4), (7, 5), (33, 16), (130, 65))]
        + [Case("forward", {"M": 4, "N": 4}, {"index": values(0, 1, 2, bad)}, fails=(1, "")) for bad in (4, -1)]
        + [Case("deep", {"A": a, "M": m, "N": 9}) for a, m in ((0, 2), (1, 1), (3, 5))]
        + [Case("computed", {"M": m, "N": 10}) for m in (0, 1, 33)]
        + [Case("integers", {"M": 7, "N": 9}, {"x": count})]
    )

    def forward(self, x, index):
        return x.gather(-1, index[..., None])[..., 0]

    deep = integers = forward

    def computed(self, x, index):
        return -self.forward(torch.log_softmax(x, -1), index)


class one_hot(Program):
    cases = (
        [Case("forward", {"M": m}) for m in (0, 1, 7, 33)]
        + [Case("forward", {"M": 3}, {"index": values(0, bad)}, fails=(1, "")) for bad in (10, -1)]
        + [Case("matrix", {"A": a, "B": b}, {"index": integers(0, 7)}) for a, b in ((0, 2), (1, 1), (3, 5))]
        + [Case("product", {"M": m, "N": n}) for m, n in ((0, 3), (3, 0), (7, 17))]
    )

    def forward(self, index):
        return torch.nn.functional.one_hot(index, 10).to(self.type)

    def matrix(self, index):
        return torch.nn.functional.one_hot(index, 7).to(self.type)

    def product(self, index, w):
        return w[index]


class embedding(Program):
    cases = (
        [Case("forward", {"B": b, "N": n}, {"index": integers(0, 50)}) for b, n in ((0, 3), (3, 0), (1, 1), (4, 33))]
        + [Case("forward", {"B": 1, "N": 2}, {"index": values(49, bad)}, fails=(1, "")) for bad in (50, -1)]
        + [Case("row", {"N": n}, {"index": integers(0, 7)}) for n in (0, 1, 33)]
        + [Case("tied", {"B": b}) for b in (0, 1, 7)]
    )

    def forward(self, index):
        return self.param("table.weight", 50, 12)[index]

    def row(self, index):
        return self.param("wide.weight", 7, 65)[index]

    def tied(self, x):
        return x @ self.param("table.weight", 50, 12).T
