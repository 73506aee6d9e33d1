"""Networks that learn, made of PyTorch's own modules."""

import torch

from training import Training


class Modules(Training):
    """A network stands under the name of its train block; its parameters and buffers have the names that PyTorch gives them."""

    def __init__(self, working):
        super().__init__(working)
        self.networks = {}

    def network(self, name, make):
        if name not in self.networks:
            network = self.networks[name] = make().to(self.type).train()
            for path, value in [*network.named_parameters(), *network.named_buffers()]:
                value.data.copy_(self.param(f"{name}.{path}", *value.shape))
                self.weights[f"{name}.{path}"] = value
        return self.networks[name]

    def learn(self, name, loss, lr, make, clip=lambda weights: None):
        chosen = lambda path: path.startswith(f"{name}.") and self.weights[path].requires_grad
        return self.descend(name, loss, lr, make, clip, chosen)
