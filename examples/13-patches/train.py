"""Trains the weights of patches.nn: python3 train.py (needs torch, timm, safetensors; some minutes on a CPU).

The network is timm's VisionTransformer. Four of five images of ../01-digits/digits.csv are for training; every fifth is held
out and only tested at the end. Writes patches.safetensors and expected.txt, the scores of all held-out images.
"""

import csv
import pathlib

import torch
from safetensors.torch import save_file
from timm.models import VisionTransformer
from torch.nn.functional import cross_entropy, pad

here = pathlib.Path(__file__).resolve().parent
torch.set_num_threads(1)
torch.manual_seed(1)
rows = torch.tensor([[float(v) for v in row] for row in csv.reader(open(here / "../01-digits/digits.csv"))])
image, label = rows[:, :64].view(-1, 1, 8, 8) / 16, rows[:, 64].long()
held_out = torch.arange(len(rows)) % 5 == 4

net = VisionTransformer(img_size=8, patch_size=2, in_chans=1, embed_dim=32, depth=2, num_heads=4, num_classes=10)
x, y = image[~held_out], label[~held_out]
epochs = 250
optimizer = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=0.05)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, epochs * -(-len(x) // 64))
for epoch in range(epochs):
    for batch in torch.randperm(len(x)).split(64):
        # Each image moved by up to a pixel, and noisy: another hand, another scanner.
        places = torch.randint(0, 3, (64, 2))
        moved = torch.stack([pad(i, (1, 1, 1, 1))[:, a : a + 8, b : b + 8] for i, (a, b) in zip(x[batch], places)])
        loss = cross_entropy(net(moved + 0.1 * torch.randn_like(moved)), y[batch], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    if epoch % 25 == 24:
        print(epoch, round(loss.item(), 3), flush=True)

net.eval()
with torch.no_grad():
    scores = net(image[held_out])
print((scores.argmax(-1) == label[held_out]).sum().item(), "of", len(scores), "held-out images are right")
save_file(net.state_dict(), here / "patches.safetensors")
(here / "expected.txt").write_text("".join(" ".join(f"{v:.5f}" for v in row) + "\n" for row in scores.tolist()))
