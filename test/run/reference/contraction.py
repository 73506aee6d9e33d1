"""Contractions, and the layers that are little more than one."""

import torch

from program import FEW, SIZES, Case, Program, integers, uniform, vary

TRANSPOSED = vary({"M": 7, "N": 17, "K": 13}, M=FEW, N=FEW, K=FEW)


class matmul(Program):
    cases = (
        [Case("forward", s) for s in vary({"M": 7, "N": 33, "K": 17}, M=SIZES, N=SIZES, K=SIZES)]
        + [Case("forward", {"M": m, "N": n, "K": k}, samples=32) for m, n, k in ((1, 300, 500), (4, 130, 257), (97, 131, 523), (200, 65, 64), (2, 1025, 3))]
        + [Case(entry, s) for entry in ("left", "right", "both") for s in TRANSPOSED + [{"M": 65, "N": 97, "K": 300}]]
        + [Case(entry, {"B": b, "M": m, "N": n, "K": k}) for entry in ("batched", "shared") for b, m, n, k in ((0, 3, 4, 5), (1, 1, 1, 1), (3, 7, 17, 5), (5, 1, 33, 16), (2, 0, 3, 4), (2, 3, 4, 0), (13, 31, 16, 64))]
        + [Case("stretched", {"B": b, "C": c, "M": 6, "N": 9, "K": 5}) for b, c in ((1, 1), (2, 3), (0, 2), (4, 1))]
        + [Case("from_left", {"K": k, "N": n}) for k, n in ((0, 3), (5, 0), (1, 1), (17, 33), (300, 65))]
        + [Case("from_right", {"M": m, "K": k}) for m, k in ((0, 3), (5, 0), (1, 1), (17, 33), (65, 300))]
        # One number is its whole row: without cancellation, else its own magnitude says nothing about its error.
        + [Case("vectors", {"K": k}, {"x": uniform(0, 2), "y": uniform(0, 2)}) for k in (0, 1, 7, 16, 33, 300)]
        + [Case("integers", {"M": m, "N": n, "K": k}, {"x": integers(-1000, 1000), "y": integers(-(2**40), 2**40)}) for m, n, k in ((0, 1, 2), (3, 5, 0), (7, 17, 13), (33, 16, 64))]
    )

    def forward(self, x, y):
        return x @ y

    batched = stretched = shared = from_left = from_right = vectors = integers = forward

    def left(self, x, y):
        return x.T @ y

    def right(self, x, y):
        return x @ y.T

    def both(self, x, y):
        return x.T @ y.T


class dot(Program):
    cases = (
        [Case("forward", s) for s in vary({"M": 7, "K": 17}, M=FEW, K=SIZES)]
        + [Case("vectors", {"K": k}, {"x": uniform(0, 2), "y": uniform(0, 2)}) for k in (0, 1, 7, 16, 33, 5000)]
        + [Case("stretched", {"M": m, "N": n, "K": k}) for m, n, k in ((1, 1, 1), (5, 7, 16), (0, 2, 3), (2, 0, 3), (3, 2, 0))]
        + [Case("integers", {"M": m, "K": k}, {"x": integers(-1000, 1000), "y": integers(-(2**40), 2**40)}) for m, k in ((0, 2), (3, 0), (7, 13), (33, 64))]
    )

    def forward(self, x, y):
        return (x * y).sum(-1) if x.dtype == torch.int64 else torch.einsum("...k,...k->...", x, y)

    vectors = stretched = integers = forward


class einsum(Program):
    cases = (
        [Case("forward", s) for s in vary({"I": 7, "J": 17, "K": 33}, I=FEW, J=FEW, K=FEW)]
        + [Case("outer", {"I": i, "J": j}) for i, j in ((0, 3), (3, 0), (1, 1), (7, 33))]
        + [Case("heads", {"B": 2, "N": n, "M": m, "H": 3, "C": c}) for n, m, c in ((0, 3, 4), (3, 0, 4), (3, 4, 0), (7, 17, 16), (1, 33, 8))]
        + [Case("two", {"I": 5, "J": j, "K": k, "L": 17}) for j, k in ((0, 3), (3, 0), (1, 1), (7, 9))]
        + [Case("summed", {"I": i, "J": j}) for i, j in ((0, 3), (3, 0), (1, 1), (33, 17))]
        + [Case("turned", {"I": i, "J": j, "K": k}) for i, j, k in ((0, 3, 4), (3, 0, 4), (1, 1, 1), (5, 7, 9))]
        + [Case("three", {"I": i, "J": j, "K": k}) for i, j, k in ((0, 3, 4), (3, 0, 4), (5, 7, 33))]
        + [Case("bilinear", {"B": b, "I": i, "J": j, "O": o}) for b, i, j, o in ((0, 3, 4, 5), (3, 0, 4, 5), (4, 5, 7, 6))]
        + [Case("total", {"I": i, "J": j}, {"x": uniform(0, 2), "y": uniform(0, 2)}) for i, j in ((0, 3), (1, 1), (17, 33))]
    )

    def forward(self, x, y):
        return torch.einsum("ij,jk->ik", x, y)

    def outer(self, x, y):
        return torch.einsum("i,j->ij", x, y)

    def heads(self, q, k):
        return torch.einsum("bnhc,bmhc->bhnm", q, k)

    def two(self, x, y):
        return torch.einsum("ijk,jkl->il", x, y)

    def summed(self, x):
        return x.sum(0)

    def turned(self, x):
        return x.permute(2, 0, 1)

    def three(self, x, y, z):
        return x @ (y @ z)

    def bilinear(self, x, w, y):
        return torch.einsum("bi,oij,bj->bo", x, w, y)

    def total(self, x, y):
        return (x * y).sum()
