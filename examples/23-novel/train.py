"""Writes expected.csv: the mean losses of the same model, trained by PyTorch on the same windows of the same book.

python3 train.py FIRST.safetensors [STEPS]; FIRST has the weights that training begins with: `first` of nnc's model (see README.md).
"""

import pathlib
import sys

import torch
from safetensors.torch import load_file

CONTEXT, D, HEADS, DEPTH, BATCH, MEAN = 64, 64, 4, 2, 16, 50
here = pathlib.Path(__file__).resolve().parent
data = torch.tensor([b for b in (here / "alice.txt").read_bytes() if b < 128 and b != 13])
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 400


class Novel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.token = torch.nn.Embedding(128, D)
        self.position = torch.nn.Embedding(CONTEXT, D)
        self.blocks = torch.nn.ModuleList(
            torch.nn.TransformerEncoderLayer(D, HEADS, 4 * D, 0.0, "gelu", batch_first=True, norm_first=True) for _ in range(DEPTH)
        )
        self.norm = torch.nn.LayerNorm(D)
        self.head = torch.nn.Linear(D, 128, bias=False)

    def forward(self, text):
        x = self.token(text) + self.position.weight[: text.shape[1]]
        mask = torch.nn.Transformer.generate_square_subsequent_mask(text.shape[1])
        for block in self.blocks:
            x = block(x, mask, is_causal=True)
        return self.head(self.norm(x))


def windows():
    state = 1
    while True:
        starts = []
        for _ in range(BATCH):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            starts.append((state >> 33) % (len(data) - CONTEXT))
        yield torch.stack([data[i : i + CONTEXT + 1] for i in starts])


model = Novel()
model.load_state_dict(load_file(sys.argv[1]))
optimizer = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.01)
losses, lines = [], []
for step, text in zip(range(1, steps + 1), windows()):
    loss = torch.nn.functional.cross_entropy(model(text[:, :-1]).flatten(0, 1), text[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    losses.append(loss.item())
    if step % MEAN == 0:
        lines.append(f"{step},{sum(losses[-MEAN:]) / MEAN:.4f}\n")
        print(lines[-1], end="", flush=True)
(here / "expected.csv").write_text("".join(lines))
