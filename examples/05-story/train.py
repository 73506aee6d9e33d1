"""Trains story.safetensors on a book: python3 train.py BOOK.txt [STEPS] (needs torch, safetensors; a few minutes on a CPU)."""

import pathlib
import sys

import torch
from safetensors.torch import save_file

CONTEXT, D, HEADS, DEPTH = 128, 64, 4, 3
here = pathlib.Path(__file__).resolve().parent
data = torch.tensor([b for b in pathlib.Path(sys.argv[1]).read_bytes() if b < 128 and b != 13])
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 1300
torch.manual_seed(1)


class Story(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.token = torch.nn.Embedding(128, D)
        self.position = torch.nn.Embedding(CONTEXT, D)
        self.blocks = torch.nn.ModuleList(
            torch.nn.TransformerEncoderLayer(D, HEADS, 4 * D, 0.0, "gelu", batch_first=True, norm_first=True) for _ in range(DEPTH)
        )
        self.norm = torch.nn.LayerNorm(D)
        for table in (self.token, self.position):
            torch.nn.init.normal_(table.weight, std=0.02)

    def forward(self, text):
        x = self.token(text) + self.position.weight[: text.shape[1]]
        mask = torch.nn.Transformer.generate_square_subsequent_mask(text.shape[1])
        for block in self.blocks:
            x = block(x, mask, is_causal=True)
        return self.norm(x) @ self.token.weight.T


model = Story()
optimizer = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.01)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, steps, pct_start=0.05)
for step in range(steps):
    start = torch.randint(len(data) - CONTEXT, (24,))
    text = torch.stack([data[i : i + CONTEXT + 1] for i in start])
    loss = torch.nn.functional.cross_entropy(model(text[:, :-1]).flatten(0, 1), text[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    if step % 200 == 0 or step + 1 == steps:
        print(step, round(loss.item(), 3), flush=True)
save_file({name: p.detach().to(torch.bfloat16).contiguous() for name, p in model.state_dict().items()}, here / "story.safetensors")
