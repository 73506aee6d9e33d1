"""The values that tests are made of, with the same bits as test/runner/Formula.cpp computes."""

import dataclasses

import numpy as np

MASK = (1 << 64) - 1


def key_of(name):
    key = 0xCBF29CE484222325  # FNV-1a
    for byte in name.encode():
        key = ((key ^ byte) * 0x100000001B3) & MASK
    return key


def bits(key, count):
    z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)  # splitmix64
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def unit(key, count):
    return (bits(key, count) >> np.uint64(11)).astype(np.float64) * 2.0**-53


@dataclasses.dataclass(frozen=True)
class Kind:
    """How a tensor is filled: a word of the .expect file and its numbers."""

    name: str
    numbers: tuple = ()

    def __str__(self):
        return " ".join([self.name, *(repr(n) for n in self.numbers)])

    def values(self, name, count):
        """`count` values of the tensor `name`, as f64."""
        n, key = self.numbers, key_of(name)
        if self.name == "uniform":
            return n[0] + (n[1] - n[0]) * unit(key, count)
        if self.name == "grid":
            return (np.floor((2 * n[0] + 1) * unit(key, count)) - n[0]) / n[1]
        if self.name == "int":
            return n[0] + np.floor((n[1] - n[0]) * unit(key, count))
        if self.name == "values":
            return np.resize(np.array(n, dtype=np.float64), count)
        return np.arange(count, dtype=np.float64)  # count


    def edges(self, name, sources, targets, edges):
        """Sources and targets of a graph's edges."""
        number = np.arange(edges, dtype=np.int64)
        if self.name == "members":
            return number, number * targets // max(edges, 1)
        part = 2 if self.name == "narrow" else 1
        sizes = ((name + ".source", sources), (name + ".target", targets))
        return tuple((((n + part - 1) // part) * unit(key_of(key), edges)).astype(np.int64) for key, n in sizes)


def uniform(low, high):
    """Numbers in [low, high)."""
    return Kind("uniform", (float(low), float(high)))


def grid(m, d=1):
    """Integers in -m .. m, over d: few different values, so that ties occur."""
    return Kind("grid", (float(m), float(d)))


def integers(low, high):
    """Integers in [low, high)."""
    return Kind("int", (low, high))


def values(*numbers):
    """These numbers, again and again."""
    return Kind("values", tuple(float(n) for n in numbers))


count = Kind("count")
random = Kind("random")  # graphs: any edges
narrow = Kind("narrow")  # edges between the first half of the nodes
members = Kind("members")  # edge i from node i to its graph: graphs of nearly equal size, one after the other
absent = Kind("absent")  # an optional argument that the call leaves out
