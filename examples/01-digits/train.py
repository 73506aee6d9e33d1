"""Trains the weights of digits.nn with PyTorch: python3 train.py (needs torch and safetensors).

Four of five images of digits.csv are for training; every fifth is held out and only tested at the end.
"""

import csv
import pathlib

import torch
from safetensors.torch import save_file

here = pathlib.Path(__file__).resolve().parent
rows = torch.tensor([[float(v) for v in row] for row in csv.reader(open(here / "digits.csv"))])
image, label = rows[:, :64] / 16, rows[:, 64].long()
held_out = torch.arange(len(rows)) % 5 == 4

torch.manual_seed(1)
net = torch.nn.Module()
net.fc1, net.fc2 = torch.nn.Linear(64, 64), torch.nn.Linear(64, 10)


def choice(a, b):
    return (a, b)[torch.randint(2, ()).item()]


def scores(x):
    return net.fc2(torch.relu(net.fc1(x)))


optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.05)
x, y = image[~held_out], label[~held_out]
for epoch in range(100):
    for batch in torch.randperm(len(x)).split(64):
        # Shifted by half a pixel and noisy: another hand, another scanner.
        shifted = torch.lerp(x[batch], x[batch].view(-1, 8, 8).roll(choice(-1, 1), choice(1, 2)).view(-1, 64), 0.5)
        noisy = (shifted if choice(0, 1) else x[batch]) + 0.1 * torch.randn(len(batch), 64)
        loss = torch.nn.functional.cross_entropy(scores(noisy), y[batch], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for group in optimizer.param_groups:
        group["lr"] *= 0.97

right = (scores(image[held_out]).argmax(-1) == label[held_out]).sum().item()
print(f"{right} of {held_out.sum()} held-out images are right")
save_file(net.state_dict(), here / "digits.safetensors")
