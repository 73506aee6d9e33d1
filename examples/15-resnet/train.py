"""Trains a narrow ResNet-18, and a new head on it: python3 train.py (needs torchvision, safetensors; some minutes on a CPU).

The network is torchvision's, with 4 channels where resnet18 has 64. It learns the digits 0 to 6 of ../01-digits/digits.csv; then
it stays as it is, and one linear layer on its features learns 7 to 9. Every fifth line of the file is held out and only tested
at the end. Writes resnet.safetensors, head.safetensors and expected.txt, the scores of the first held-out images of both kinds.
"""

import csv
import pathlib

import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy, interpolate, pad

here = pathlib.Path(__file__).resolve().parent
SEEN = 7
torch.set_num_threads(1)
torch.manual_seed(1)


class Narrow(torchvision.models.ResNet):
    def __init__(self, width, classes):
        self.width = width
        super().__init__(torchvision.models.resnet.BasicBlock, [2, 2, 2, 2], num_classes=classes)
        self.conv1 = torch.nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(width)
        self.fc = torch.nn.Linear(8 * width, classes)

    def _make_layer(self, block, planes, *rest, **named):
        if planes == 64:
            self.inplanes = self.width
        return super()._make_layer(block, planes * self.width // 64, *rest, **named)


def moved(x):
    """Each image moved by up to a pixel, and noisy: another hand, another scanner."""
    x = torch.stack([pad(i, (1, 1, 1, 1))[:, a : a + 8, b : b + 8] for i, (a, b) in zip(x, torch.randint(0, 3, (len(x), 2)))])
    return x + 0.1 * torch.randn_like(x)


def large(x):
    """32 x 32 pixels of three colours, from 8 x 8 of one."""
    return interpolate(x, scale_factor=4).expand(-1, 3, -1, -1)


rows = torch.tensor([[float(v) for v in row] for row in csv.reader(open(here / "../01-digits/digits.csv"))])
image, label = rows[:, :64].view(-1, 1, 8, 8) / 16, rows[:, 64].long()
held_out = torch.arange(len(rows)) % 5 == 4
net = Narrow(4, 7)
assert net.state_dict().keys() == torchvision.models.resnet18().state_dict().keys()

x, y = image[~held_out & (label < SEEN)], label[~held_out & (label < SEEN)]
epochs = 40
optimizer = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=0.05)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, epochs * -(-len(x) // 64))
for epoch in range(epochs):
    for batch in torch.randperm(len(x)).split(64):
        loss = cross_entropy(net(large(moved(x[batch]))), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    if epoch % 5 == 4:
        print(epoch, round(loss.item(), 3), flush=True)
weights = {name: t.to(torch.bfloat16) if t.is_floating_point() else t for name, t in net.state_dict().items()}
save_file(weights, here / "resnet.safetensors")

# The backbone as the file has it, and a head for digits that it has never seen.
net.load_state_dict(load_file(here / "resnet.safetensors"))
net.eval()
backbone = torch.nn.Sequential(*list(net.children())[:-1], torch.nn.Flatten())
head = torch.nn.Linear(32, 3)
x, y = image[~held_out & (label >= SEEN)], label[~held_out & (label >= SEEN)] - SEEN
with torch.no_grad():
    features, y = torch.cat([backbone(large(moved(x))) for _ in range(4)]), y.repeat(4)
optimizer = torch.optim.AdamW(head.parameters(), 1e-2, weight_decay=0.01)
for step in range(2000):
    loss = cross_entropy(head(features), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
save_file(head.state_dict(), here / "head.safetensors")

lines = []
with torch.no_grad():
    for name, part, model in ("0 to 6", label < SEEN, net), ("7 to 9", label >= SEEN, torch.nn.Sequential(backbone, head)):
        scores = model(large(image[held_out & part]))
        right = (scores.argmax(-1) == label[held_out & part] % SEEN).sum().item()
        print(name, right, "of", len(scores), "held-out images are right")
        lines += [" ".join(f"{v:.5f}" for v in row) + "\n" for row in scores[:20].tolist()]
(here / "expected.txt").write_text("".join(lines))
