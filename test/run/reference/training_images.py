"""Networks over images that learn, of PyTorch's own layers."""

import torch
import torch.nn.functional as F
from torch import nn

from program import Case, integers, uniform, values
from training import STEPS, sequence
from training_modules import BatchNorm2d, Modules, entropy

CLASSES = 5
LOOK = Case("forward", {"B": 5, "H": 9, "W": 8})
SIZES = ((1, 9, 8), (3, 16, 17), (7, 8, 9), (2, 33, 12))


def step(entry, lr, b, h, w, **inputs):
    return Case(entry, {"B": b, "H": h, "W": w}, {"lr": values(lr), **inputs}, samples=3)


def convolution(a, b, k=3, **more):
    return nn.Conv2d(a, b, k, bias=False, **more)


class Block(nn.Module):
    def __init__(self, a, b, stride=1):
        super().__init__()
        self.conv1, self.bn1 = convolution(a, b, stride=stride, padding=1), BatchNorm2d(b)
        self.conv2, self.bn2 = convolution(b, b, padding=1), BatchNorm2d(b)
        self.downsample = nn.Sequential(convolution(a, b, 1, stride=stride), BatchNorm2d(b)) if stride > 1 else nn.Identity()

    def forward(self, x):
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.downsample(x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = convolution(3, 8, padding=1), BatchNorm2d(8)
        self.one, self.two, self.three = Block(8, 8), Block(8, 8), Block(8, 12, 2)
        self.fc = nn.Linear(12, CLASSES)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.fc(self.three(self.two(self.one(x))).mean((-2, -1)))


class Digits(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 9, 3, stride=2)
        self.fc = nn.Sequential(nn.Linear(9, 8), nn.ReLU(), nn.Linear(8, CLASSES))

    def forward(self, x):
        x = torch.tanh(self.conv2(F.max_pool2d(F.relu(self.conv1(x)), 2)))
        return self.fc(F.max_pool2d(x, 3, 2, 1).amax((-2, -1)))


class Adaptive(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.line = nn.Conv2d(2, 6, 3, padding=1), nn.Conv1d(6, 7, 3, padding=1)
        self.fc = nn.Linear(6 * 6 + 6 * 8 + 7 * 4 + 7 * 3, CLASSES)

    def forward(self, x):
        x = torch.tanh(self.conv(x))
        y = self.line(x.flatten(2))
        parts = F.adaptive_avg_pool2d(x, (3, 2)), F.adaptive_max_pool2d(x, (2, 4)), F.adaptive_avg_pool1d(y, 4), F.adaptive_max_pool1d(y, 3)
        return self.fc(torch.cat([p.flatten(1) for p in parts], -1))


NORMS = ("bn1", *(f"{block}.bn{i}" for block in ("one", "two", "three") for i in (1, 2)), "three.downsample.1")


class train_resnet(Modules):
    inputs = {"label": integers(0, CLASSES)}
    parameters = {
        **{f"{norm}.running_var": uniform(3, 6) for norm in NORMS}, **{f"{norm}.num_batches_tracked": values(0) for norm in NORMS},
        **{f"{norm}.weight": uniform(0.5, 1.5) for norm in NORMS},
        "fc.weight": uniform(-0.2, 0.2),
    }  # fmt: skip
    cases = [
        sequence(*[step("train_step", 0.02, 4, 9, 11)] * STEPS),
        *(step("train_step", 0.2, *size) for size in SIZES),
        sequence(*(step("train_step", 0.02, *size) for size in SIZES)),
        # No image; one that ends as a single pixel.
        sequence(*(step("train_step", 0.02, *size) for size in ((3, 9, 8), (0, 9, 8), (1, 3, 4), (2, 8, 9))), LOOK),
        # What it has learnt is what it goes by.
        sequence(step("train_step", 0.02, 3, 12, 9), LOOK, step("train_step", 0.02, 3, 12, 9), LOOK),
    ]

    def train_step(self, image, label, lr):
        scores = self.network("", ResNet).train()(image)
        right = (scores.argmax(-1) == label).to(torch.float32).mean()
        return self.learn("train", entropy(scores, label), lr, lambda p: torch.optim.SGD(p, lr=1, momentum=0.9, weight_decay=0.01), model=True), right

    def forward(self, image):
        return self.network("", ResNet).eval()(image).detach()


class train_images(Modules):
    inputs = {"image": uniform(-1, 1), "label": integers(0, CLASSES)}
    parameters = {"adaptive.fc.weight": uniform(-0.1, 0.1)}
    cases = [
        *(sequence(*[step(f"{name}_step", 0.02, 4, 9, 11)] * STEPS) for name in ("digits", "adaptive")),
        *(step(f"{name}_step", 0.4, *size) for name in ("digits", "adaptive") for size in SIZES),
        *(sequence(*(step(f"{name}_step", 0.02, *size) for size in SIZES)) for name in ("digits", "adaptive")),
        # Fewer pixels than windows: they overlap.
        *(step("adaptive_step", 0.4, *size) for size in ((1, 1, 1), (2, 1, 7), (3, 5, 1), (2, 2, 3))),
    ]

    def digits_step(self, image, label, lr):
        loss = F.cross_entropy(self.network("digits", Digits)(image), label)
        return self.learn("digits", loss, lr, lambda p: torch.optim.AdamW(p, eps=0.1))

    def adaptive_step(self, image, label, lr):
        loss = F.cross_entropy(self.network("adaptive", Adaptive)(image), label)
        return self.learn("adaptive", loss, lr, lambda p: torch.optim.SGD(p, lr=1, momentum=0.9))
