"""Trains the weights of sunspots.nn with PyTorch: python3 train.py (needs torch and safetensors; seconds on a CPU).

The years up to 1948 are for training, the 60 that follow are held out. Writes sunspots.safetensors, and to expected.txt
PyTorch's forecast after each year.
"""

import csv
import pathlib

import torch
from safetensors.torch import save_file

STEPS = 400
here = pathlib.Path(__file__).resolve().parent
rows = list(csv.reader(open(here / "sunspots.csv")))[1:]
sunspots = torch.tensor([float(number) for _, number in rows])
known = len(rows) - 60
torch.set_num_threads(1)
torch.manual_seed(1)


class Sunspots(torch.nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.lstm = torch.nn.LSTM(1, hidden, batch_first=True)
        self.head = torch.nn.Linear(hidden, 1)

    def forward(self, sunspots):
        x = sunspots / 100
        y, _ = self.lstm(x[..., None])
        return 100 * (x + self.head(y)[..., 0])


model = Sunspots()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, STEPS)
for step in range(STEPS):
    # Eight series with cycles of other strengths and a little noise.
    x = sunspots[:known] * (0.7 + 0.6 * torch.rand(8, 1)) + 3 * torch.randn(8, known)
    loss = ((model(x)[:, 8:-1] - x[:, 9:]) / 100).square().mean()
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()

with torch.no_grad():
    forecast = model(sunspots)
held_out = sunspots[known:]
for name, guess in (("network", forecast[known - 1 : -1]), ("the year before", sunspots[known - 1 : -1])):
    print(f"{name}: mean error {(guess - held_out).abs().mean():.1f}")
(here / "expected.txt").write_text("".join(f"{f:.4f}\n" for f in forecast.tolist()))
save_file(model.state_dict(), here / "sunspots.safetensors")
