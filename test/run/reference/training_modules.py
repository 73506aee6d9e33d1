"""Networks that learn, made of PyTorch's own modules."""

import torch
from torch import nn

from training import Training


class Modules(Training):
    """A network stands under a name, or is all of the model (""); its parameters and buffers have the names that PyTorch gives them."""

    def __init__(self, working):
        super().__init__(working)
        self.networks = {}

    def network(self, name, make):
        if name not in self.networks:
            network = self.networks[name] = make().to(self.type).train()
            for path, value in [*network.named_parameters(), *network.named_buffers()]:
                path = f"{name}.{path}" if name else path
                value.data.copy_(self.param(path, *value.shape))
                self.weights[path] = value
        return self.networks[name]

    def learn(self, name, loss, lr, make, clip=lambda weights: None, model=False):
        """One step of the network of this name, or of all of the model."""
        chosen = lambda path: (model or path.startswith(f"{name}.")) and self.weights[path].requires_grad
        return self.descend(name, loss, lr, make, clip, chosen)


class Lone:
    """A batch norm that takes a single value per channel, which PyTorch refuses: its mean counts, a variance it has not."""

    def forward(self, x):
        if not self.training or x.numel() != x.shape[1]:
            return super().forward(x)
        with torch.no_grad():
            self.running_mean += self.momentum * (x.flatten() - self.running_mean)
            self.num_batches_tracked += 1
        weight, bias = (w.reshape(x.shape) for w in (self.weight, self.bias))
        return 0 * weight * x + bias


class BatchNorm1d(Lone, nn.BatchNorm1d):
    pass


class BatchNorm2d(Lone, nn.BatchNorm2d):
    pass


def entropy(scores, label):
    """The mean over the rows that count, 0 where none does."""
    return nn.functional.cross_entropy(scores, label, reduction="sum") / max((label >= 0).sum(), 1)
