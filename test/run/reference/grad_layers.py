"""Gradients of layers by inputs and parameters: PyTorch's autograd through the references of what they compute."""

import pathlib
import re

import torch

from attention import multihead
from bipartite import bipartite
from entries import read_program
from graphs import graphs
from language import simplified
from layers import linear, mlp, norms
from prelude import positions, scores
from program import Case, Program, values
from recurrence import recurrent
from rounds import rounds
from shape import embedding
from window import adaptive, convolution


HERE = pathlib.Path(__file__).resolve().parent.parent


class Recording:
    """Before a reference of values, in training: what it asks for as a parameter is what gradients are asked for. A module of PyTorch has
    parameters of its own and says so."""

    training = True

    def param(self, path, *shape):
        found = super().param(path, *shape)
        if path.endswith(".num_batches_tracked"):
            self.drawn[path] = values(0)
            return self.buffers.setdefault(path, torch.zeros((), dtype=torch.int64))
        if path.endswith((".running_mean", ".running_var")):
            return self.buffers.setdefault(path, found)
        return self.holds(path, found.detach().requires_grad_())

    def holds(self, path, parameter):
        self.leaves.setdefault(path, []).append(parameter.requires_grad_())
        return parameter


class Layers(Program):
    """The entries are steps PART_ENTRY_step: PART names the use of another program, of whose reference the class is in `of`.
    Inputs w1, w2, .. weigh the results; the sum of squares is the loss where there are none. The loss itself, of which
    little may be left of large terms, is not compared: values have programs of their own, and differences are taken of it."""

    types = ("f32", "f64")
    row = "all"
    pooled = True
    of = {}
    few = 3  # cases of each entry
    where = {}  # which sizes of an entry are of use

    def __init_subclass__(cls):
        cls.entries = read_program(HERE / f"{cls.__name__}.nn")[2]
        cls.parameters = {k: v for part in cls.of.values() for k, v in part.parameters.items()}
        cls.only_f32 = tuple(step for step in cls.entries for part, entry in [cls.part(step)] if entry in part.only_f32 or "f64" not in part.types)
        cls.cases = [case for step in cls.entries for case in cls.some(step)]

    @classmethod
    def part(cls, step):
        part, _, entry = step.removesuffix("_step").partition("_")
        return cls.of[part], entry

    @classmethod
    def some(cls, step):
        """Of the cases of values the smallest, the largest, and some between."""
        part, entry = cls.part(step)
        where = cls.where.get(step, lambda **_: True)
        given = lambda c: all(kind.name != "absent" for kind in c.inputs.values())  # noqa: E731
        fit = [c for c in part.cases if c.entry == entry and not c.fails and given(c) and where(**c.sizes)]
        size = lambda c: sum(c.sizes.values())  # noqa: E731
        fit = sorted((c for c in fit if size(c) < 200), key=size)
        chosen = fit if len(fit) <= cls.few else [fit[round(i * (len(fit) - 1) / (cls.few - 1))] for i in range(cls.few)]
        return [Case(step, c.sizes, {**part.inputs, **c.inputs}, samples=3) for c in chosen]

    def __getattr__(self, step):
        if not step.endswith("_step"):
            raise AttributeError(step)
        return lambda *inputs: self.step(step, *inputs)

    def step(self, step, *inputs):
        part, entry = self.part(step)
        arguments = self.entries[step].arguments
        given = {a.name: x.detach().requires_grad_() if torch.is_tensor(x) and x.is_floating_point() else x for a, x in zip(arguments, inputs, strict=True)}
        weights = [x for name, x in given.items() if re.fullmatch(r"w\d", name)]
        layer = type(part.__name__, (Recording, part), {})(self.type)
        layer.leaves, layer.buffers, layer.stored, layer.sizes = {}, {}, self.stored, self.sizes
        results = getattr(layer, entry)(*(x for name, x in given.items() if not re.fullmatch(r"w\d", name)))
        results = results if isinstance(results, tuple) else (results,)
        loss = sum((w * y).sum() for w, y in zip(weights, results, strict=True)) if weights else (results[0] ** 2).sum()
        by = [given[result.name.removeprefix("d")] for result in self.entries[step].results[1:]]
        leaves = [x for copies in layer.leaves.values() for x in copies]
        found = list(torch.autograd.grad(loss, by + leaves, allow_unused=True, materialize_grads=True)) if loss.requires_grad else [torch.zeros_like(x) for x in by + leaves]
        self.drawn.update(layer.drawn)
        self.weights, self.averages = dict(layer.buffers), {}
        for path, copies in layer.leaves.items():
            taken = sum(g for x, g in zip(leaves, found[len(by) :]) if any(x is copy for copy in copies))
            self.weights[path] = copies[0].detach() - taken
        return None, *found[: len(by)]


class grad_layers(Layers):
    of = {"linear": linear, "mlp": mlp, "embedding": embedding, "score": scores}


class grad_layers_norms(Layers):
    of = {"norm": norms}
    where = {f"norm_{e}_step": lambda B, L=1: B * L > 1 for e in ("batches", "frees", "sequences")}


class grad_layers_recurrent(Layers):
    of = {"recurrent": recurrent}


class grad_layers_windows(Layers):
    of = {"convolution": convolution, "adaptive": adaptive}


class grad_layers_attention(Layers):
    of = {"multihead": multihead, "simplified": simplified, "position": positions}
    # Of one source alone the derivative by the score is 0: the difference of two equal sums.
    where = {f"multihead_{e}_step": lambda M, N, **_: M > 1 and N > 1 for e in ("cross", "widths", "decode", "translate")}


class grad_layers_graphs(Layers):
    of = {"conv": graphs}


class grad_layers_bipartite(Layers):
    of = {"bipartite": bipartite, "round": rounds}
    # Of several loops of a node PyG keeps the last one and gives the derivative to all; of few edges it errs by chance by nothing.
    where = {"round_appnps_step": lambda N, **_: N in (7, 13)}
