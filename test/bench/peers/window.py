"""Convolutions and the networks made of them, as torch.nn has them."""

import pathlib

import torch
import torch.nn.functional as F

from peers import Contest

RESNET = pathlib.Path(__file__).resolve().parents[2] / "language/programs/10_resnet_transfer.nn"


def convolution(title, channels, out, size, k, stride=1, padding=0, groups=1, norm=True):
    text = f"""
model Net {{
  use conv = Conv2d[{channels}, {out}, {k}, stride = {stride}, padding = {padding}, groups = {groups}, bias = false]
  use bn = BatchNorm2d[{out}]
  fn forward(x: float[B, {channels}, {size}, {size}]) -> float[B, {out}, _, _] {{ x |> conv |> bn |> relu }}
}}
"""
    conv = torch.nn.Conv2d(channels, out, k, stride, padding, groups=groups, bias=False)
    bn = torch.nn.BatchNorm2d(out).eval()
    bn.running_mean.uniform_(-1, 1), bn.running_var.uniform_(0.5, 2)
    x = torch.randn(1, channels, size, size)
    state = {f"conv.{k}": v for k, v in conv.state_dict().items()} | {f"bn.{k}": v for k, v in bn.state_dict().items()}
    return Contest(title, text, {"B": 1}, {"x": x}, state, {"PyTorch": lambda: F.relu(bn(conv(x)))})


def backward(title, batch, channels, out, size, k, stride=1, padding=0, groups=1):
    """Both derivatives, by what is read and by the weights."""
    positions = (size + 2 * padding - k) // stride + 1
    text = f"""
model Net {{
  fn backward(x: float[B, {channels}, {size}, {size}], w: float[{out}, {channels // groups}, {k}, {k}], g: float[B, {out}, {positions}, {positions}])
      -> (dx: float[B, {channels}, {size}, {size}], dw: float[{out}, {channels // groups}, {k}, {k}]) {{
    grad(sum(g * conv(x, w, stride = {stride}, padding = {padding}, groups = {groups})), x, w)
  }}
}}
"""
    x, w = torch.randn(batch, channels, size, size), torch.randn(out, channels // groups, k, k)
    g = torch.randn(batch, out, positions, positions)
    pair = [stride] * 2, [padding] * 2, [1] * 2

    def peer():
        return torch.ops.aten.convolution_backward(g, x, w, None, *pair, False, [0, 0], groups, [True, True, False])[:2]

    return Contest(title, text, {"B": batch}, {"x": x, "w": w, "g": g}, {}, {"PyTorch": peer}, entry="backward")


class Block(torch.nn.Module):
    def __init__(self, channels, out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(out)
        self.conv2 = torch.nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(out)
        if stride != 1 or channels != out:
            norm = torch.nn.BatchNorm2d(out)
            self.downsample = torch.nn.Sequential(torch.nn.Conv2d(channels, out, 1, stride, bias=False), norm)
        else:
            self.downsample = torch.nn.Identity()

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class ResNet18(torch.nn.Module):
    """With torchvision's names."""

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(64)
        self.maxpool = torch.nn.MaxPool2d(3, 2, 1)
        widths = (64, 64, 128, 256, 512)
        for i in range(1, 5):
            blocks = Block(widths[i - 1], widths[i], 1 if i == 1 else 2), Block(widths[i], widths[i])
            setattr(self, f"layer{i}", torch.nn.Sequential(*blocks))
        self.fc = torch.nn.Linear(512, 1000)

    def forward(self, x):
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        return self.fc(self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3)))


def resnet(batch, size):
    net = ResNet18().eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1), module.running_var.uniform_(0.8, 1.2)
    text = RESNET.read_text(encoding="utf-8").split("model CatsDogs")[0]
    x = torch.randn(batch, 3, size, size)
    return Contest(f"ResNet-18, batch {batch}, {size} x {size}", text, {"B": batch, "H": size, "W": size}, {"image": x},
                   net.state_dict(), {"PyTorch": lambda: net(x)}, tolerance=1e-3)  # fmt: skip


def contests():
    yield convolution("Convolution 7x7/2, 3 to 64, 224", 3, 64, 224, 7, 2, 3)
    for channels, size in ((64, 56), (128, 28), (256, 14), (512, 7)):
        yield convolution(f"Convolution 3x3, {channels}, {size}", channels, channels, size, 3, padding=1)
    yield convolution("Convolution 3x3/2, 64 to 128, 56", 64, 128, 56, 3, 2, 1)
    yield convolution("Convolution 1x1, 256 to 64, 56", 256, 64, 56, 1)
    yield convolution("Depthwise 3x3, 128, 56", 128, 128, 56, 3, padding=1, groups=128)
    yield convolution("Depthwise 3x3/2, 128, 56", 128, 128, 56, 3, 2, 1, groups=128)
    yield resnet(1, 224)
    yield backward("Backward of 7x7/2, 3 to 64, 224", 4, 3, 64, 224, 7, 2, 3)
    for channels, size in ((64, 56), (128, 28), (256, 14), (512, 7)):
        yield backward(f"Backward of 3x3, {channels}, {size}", 4, channels, channels, size, 3, padding=1)
    yield backward("Backward of 3x3/2, 64 to 128, 56", 4, 64, 128, 56, 3, 2, 1)
    yield backward("Backward of 1x1/2, 64 to 128, 56", 4, 64, 128, 56, 1, 2)
    yield backward("Backward of depthwise 3x3, 128, 56", 4, 128, 128, 56, 3, padding=1, groups=128)
