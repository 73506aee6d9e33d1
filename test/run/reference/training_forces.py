"""A force field (after SchNet) trained on energies and forces."""

import math

import torch
from torch.nn import functional as F

from program import Case, integers, members, uniform, values
from training import STEPS, Training, mse, sequence


def step(n, e, g, lr=0.001):
    return Case("train_step", {"N": n, "E": e, "G": g}, {"lr": values(lr)}, samples=4)


class train_forces(Training):
    inputs = {
        "atom": integers(0, 5), "position": uniform(-1, 1), "shift": uniform(2.5, 4), "members": members,
        "energy": uniform(-1, 1), "force": uniform(-0.5, 0.5),
    }  # fmt: skip
    # Small weights: energies of some atoms together are not much larger than what they should be.
    parameters = {f"blocks.{i}.{n}.weight": uniform(-0.2, 0.2) for i in range(2) for n in ("filter1", "filter2", "node", "out")}
    cases = [
        sequence(*[step(17, 40, 3)] * STEPS),
        sequence(step(1, 0, 1), step(7, 13, 2), step(33, 64, 4), step(5, 1, 1), step(16, 65, 8)),
    ]

    def interaction(self, path, h, g, r):
        centre = torch.arange(6, dtype=self.type) * 9.0 / 6
        z = h @ self.weight(f"{path}.node.weight", 8, 8).T
        bumps = torch.exp(-2 * (r[:, None] - centre) ** 2)
        smooth = torch.where(r < 9.0, 0.5 * (torch.cos(math.pi * r / 9.0) + 1), 0)
        filters = self.linear(f"{path}.filter2", F.softplus(self.linear(f"{path}.filter1", bumps, 8)), 8)
        m = g.sum(filters * smooth[:, None] * z[g.source])
        return h + self.linear(f"{path}.out", F.softplus(m), 8)

    def train_step(self, atom, position, g, shift, members, energy, force, lr):
        position = position.clone().requires_grad_()
        r = torch.sqrt(((position[g.source] + shift - position[g.target]) ** 2).sum(-1) + 1e-9)
        h = self.weight("embed.weight", 5, 8)[atom]
        for i in range(2):
            h = self.interaction(f"blocks.{i}", h, g, r)
        y = self.linear("head2", F.softplus(self.linear("head1", h, 8)), 1)
        e = members.sum(y[:, 0])
        (by_position,) = torch.autograd.grad(e.sum(), position, create_graph=True, allow_unused=True)
        f = -by_position if by_position is not None else torch.zeros_like(position)
        loss = mse(e, energy) + mse(f, force)
        return self.descend("train", loss, lr, lambda p: torch.optim.Adam(p, eps=0.1)), (f - force).abs().mean().detach()
