"""What a reference of a program in test/run is written with, and what is read off the program itself."""

import copy
import dataclasses
import re

import torch

from entries import Argument, Entry, read_program  # noqa: F401 (for expect.py)
from formula import Kind, absent, count, grid, integers, members, narrow, random, uniform, values  # noqa: F401 (for the references)

TYPES = {
    "f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16,
    "i64": torch.int64, "i32": torch.int32, "i8": torch.int8, "bool": torch.bool,
}  # fmt: skip

NUMERIC = 6  # the status of a train step whose loss is not finite

# Every size about the register tiles (6, 8, 16, 32, 64 wide or high), nothing, one, and primes.
SIZES = (0, 1, 2, 5, 6, 7, 8, 9, 13, 15, 16, 17, 31, 32, 33, 61, 63, 64, 65)
FEW = (0, 1, 7, 16, 33)


def vary(base, **sizes):
    """One size after the other takes all of its values while the others keep those of `base`."""
    return [{**base, name: value} for name, all_values in sizes.items() for value in all_values]


@dataclasses.dataclass
class Case:
    """One call of an entry. `inputs` replaces kinds of the program's; `fails` is (status, part of the message)."""

    entry: str
    sizes: dict = dataclasses.field(default_factory=dict)
    inputs: dict = dataclasses.field(default_factory=dict)
    fails: tuple = ()
    samples: int = 8
    context: dict = dataclasses.field(default_factory=dict)  # sizes of the states, which the entry does not ask for
    then: tuple = ()  # more calls on the same context, one after the other; the reference keeps its states in `self`


class Program:
    """A reference: subclass it under the program's name. Methods are entries, in PyTorch, for any element type."""

    inputs = {}  # how arguments are filled, by name; the default is uniform(-2, 2), integers(0, 10) or integers(0, 2)
    parameters = {}  # likewise parameters, by path; the default is uniform(-0.5, 0.5)
    cases = []
    types = ("f32", "f64", "bf16", "f16")
    # What "the row's largest magnitude" means for tolerances: "last" axis, "element" for elementwise operations, "all"
    # where a value that is summed over everything decides.
    row = "last"
    only_f32 = ()  # entries that compute something in f32 whatever the working type is: f64 has no expected values for them
    training = False
    pooled = False  # a tensor of few elements may be right by chance: PyTorch's error is its relative one in all larger results
    exact = False  # the result is the nearest number of its type: no tolerance

    def __init__(self, working):
        self.type = working  # torch.float32, ..
        self.drawn = {}

    def param(self, path, *shape):
        """The values of a parameter, as the runner sets them: rounded to `self.stored`."""
        kind = self.parameters.get(path, uniform(-0.5, 0.5))
        self.drawn[path] = kind
        return tensor(kind, path, shape, self.stored).to(self.type)

    def holds(self, path, parameter):
        """Said of a parameter of one of PyTorch's modules that stands for that of this path."""

    def batch_norm(self, path, x, affine=True):
        d = x.shape[1]
        buffers = [self.param(f"{path}.{name}", d) for name in ("running_mean", "running_var")]
        if self.training:
            self.param(f"{path}.num_batches_tracked").add_(1)
        given = [self.param(f"{path}.{name}", d) for name in ("weight", "bias") if affine]
        return torch.nn.functional.batch_norm(x, *buffers, *given, training=self.training)

    def linear(self, path, x, out, bias=True):
        y = x @ self.param(f"{path}.weight", out, x.shape[-1]).T
        return y + self.param(f"{path}.bias", out) if bias else y

    def size(self, name):
        """A free dimension of the current case."""
        return self.sizes[name]


def tensor(kind, name, shape, dtype):
    n = 1
    for d in shape:
        n *= d
    v = torch.from_numpy(kind.values(name, n))
    if dtype in (torch.bfloat16, torch.float16):
        v = v.to(torch.float32)  # the runner rounds twice as well
    return v.to(dtype).reshape(shape)


class Graph:
    """An argument that is a graph. `kind` says how its edges are drawn (test/runner/Formula.h)."""

    def __init__(self, kind, name, sources, targets, edges):
        self.sources, self.targets, self.edges = sources, targets, edges
        ends = kind.edges(name, sources, targets, edges)
        self.source, self.target = (torch.from_numpy(x) for x in ends)

    def loops(self):
        """With a loop at each node, after all other edges."""
        other, nodes = copy.copy(self), torch.arange(self.sources)
        other.source, other.target = torch.cat([self.source, nodes]), torch.cat([self.target, nodes])
        other.edges += self.sources
        return other

    def reverse(self):
        other = copy.copy(self)
        other.source, other.target = self.target, self.source
        other.sources, other.targets = self.targets, self.sources
        return other

    def where(self, keep):
        """Only some of the edges; their values are those where `keep` holds."""
        other = copy.copy(self)
        other.source, other.target = self.source[keep], self.target[keep]
        other.edges = len(other.source)
        return other

    def sum(self, x):
        """Of one row for each edge, over the edges into each target."""
        wide = torch.float32 if x.dtype in (torch.bfloat16, torch.float16) else x.dtype
        return torch.zeros(self.targets, *x.shape[1:], dtype=wide).index_add(0, self.target, x.to(wide)).to(x.dtype)

    def count(self):
        return torch.bincount(self.target, minlength=self.targets)

    def mean(self, x):
        return self.sum(x) / self.count().clamp(min=1).to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))

    def extreme(self, x, which):
        index = self.target.reshape(-1, *[1] * (x.dim() - 1)).expand_as(x)
        zero = torch.zeros(self.targets, *x.shape[1:], dtype=x.dtype)
        return zero.scatter_reduce(0, index, x, which, include_self=False)

    def max(self, x):
        return self.extreme(x, "amax")

    def min(self, x):
        return self.extreme(x, "amin")

    def softmax(self, score):
        """Over the edges into each target; one score or one row of them for each edge."""
        top = self.max(score)[self.target]
        weight = torch.exp(score - top)
        return weight / self.sum(weight)[self.target]

    def attend(self, score, value):
        weight = self.softmax(score)
        return self.sum(weight.reshape(*weight.shape, *[1] * (value.dim() - weight.dim())) * value)


def graph_sizes(argument):
    """Sources, targets and edges, as texts, of `graph[N, E]` or `graph[S -> D, E]`."""
    ends = re.split(r"\s*->\s*", argument.dims[0])
    return ends[0], ends[-1], argument.dims[1]


def evaluate(dim, names):
    return eval(dim.replace("/", "//"), {}, names)
