"""Trains the weights of convolution.nn with PyTorch: python3 train.py (needs torch and safetensors; some minutes on a CPU).

Four of five images of ../01-digits/digits.csv are for training; every fifth is held out and only tested at the end. Writes
convolution.safetensors and expected.txt: the scores of the first eight held-out images, and of the same on sheets of 16 x 12.
"""

import csv
import pathlib

import torch
from safetensors.torch import save_file
from torch.nn import BatchNorm2d, Conv2d, Linear
from torch.nn.functional import cross_entropy, max_pool2d, pad, relu

here = pathlib.Path(__file__).resolve().parent
torch.set_num_threads(1)
torch.manual_seed(1)
rows = torch.tensor([[float(v) for v in row] for row in csv.reader(open(here / "../01-digits/digits.csv"))])
image, label = rows[:, :64].view(-1, 1, 8, 8) / 16, rows[:, 64].long()
held_out = torch.arange(len(rows)) % 5 == 4


class Convolution(torch.nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv1, self.bn1 = Conv2d(1, width, 3, padding=1, bias=False), BatchNorm2d(width)
        self.conv2, self.bn2 = Conv2d(width, 2 * width, 3, padding=1, bias=False), BatchNorm2d(2 * width)
        self.conv3, self.bn3 = Conv2d(2 * width, 2 * width, 3, padding=1, bias=False), BatchNorm2d(2 * width)
        self.fc = Linear(2 * width, 10)

    def forward(self, x):
        x = relu(self.bn2(self.conv2(relu(self.bn1(self.conv1(x))))))
        return self.fc(relu(self.bn3(self.conv3(max_pool2d(x, 2)))).amax((-2, -1)))


net = Convolution()
x, y = image[~held_out], label[~held_out]
epochs = 30
optimizer = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=0.05)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, epochs * -(-len(x) // 64))
for epoch in range(epochs):
    for batch in torch.randperm(len(x)).split(64):
        # On more paper, and noisy: another scanner.
        moved = pad(x[batch], torch.randint(0, 4, (4,)).tolist())
        loss = cross_entropy(net(moved + 0.1 * torch.randn_like(moved)), y[batch], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    print(epoch, round(loss.item(), 3), flush=True)

net.eval()
count = held_out.sum().item()
PLACES = [k * 3 % 9 for k in range(count)], [k * 7 % 5 for k in range(count)]  # where the images lie on the sheets
save_file(net.state_dict(), here / "convolution.safetensors")
with torch.no_grad():
    large = torch.stack([pad(x, (j, 4 - j, i, 8 - i)) for x, i, j in zip(image[held_out], PLACES[0], PLACES[1])])
    for name, images in (("held-out images", image[held_out]), ("on sheets of 16 x 12", large)):
        print((net(images).argmax(-1) == label[held_out]).sum().item(), "of", len(images), name, "are right")
    scores = torch.cat([net(image[held_out][:8]), net(large[:8])])
(here / "expected.txt").write_text("".join(" ".join(f"{v:.6f}" for v in row) + "\n" for row in scores.tolist()))
