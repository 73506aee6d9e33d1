"""Trains the weights of hybrid.nn with PyTorch: python3 train.py BOOK.txt (needs torch, safetensors; minutes on a CPU).

The last tenth of the book is held out: text.txt is a part of it. Writes lstm.safetensors, transformer.safetensors and
hybrid.safetensors, and to expected.txt how much each byte of the first piece surprises PyTorch.
"""

import math
import pathlib
import sys

import torch
from safetensors.torch import save_file

STEPS, BATCH, PIECE, PIECES = 1000, 24, 128, 32
NETWORKS = {
    "lstm": {"recurrent": True, "depth": 0, "d": 72},
    "transformer": {"recurrent": False, "depth": 2, "d": 48},
    "hybrid": {"recurrent": True, "depth": 1, "d": 48},
}
here = pathlib.Path(__file__).resolve().parent
book = torch.tensor([b for b in pathlib.Path(sys.argv[1]).read_bytes() if b < 128 and b != 13])
known, held_out = book[: len(book) * 9 // 10], book[len(book) * 9 // 10 :][: PIECE * PIECES]
torch.set_num_threads(1)


class Hybrid(torch.nn.Module):
    def __init__(self, recurrent, depth, d, heads=4):
        super().__init__()
        self.token = torch.nn.Embedding(128, d)
        if recurrent:
            self.lstm = torch.nn.LSTM(d, d, batch_first=True)
        else:
            self.position = torch.nn.Embedding(PIECE, d)
        self.layers = torch.nn.ModuleList(
            torch.nn.TransformerEncoderLayer(d, heads, 4 * d, 0.0, "gelu", batch_first=True, norm_first=True) for _ in range(depth)
        )
        self.norm = torch.nn.LayerNorm(d)
        for table in (module for module in self.children() if isinstance(module, torch.nn.Embedding)):
            torch.nn.init.normal_(table.weight, std=0.1)

    def forward(self, text):
        """The surprise of each byte after the first, in bits."""
        n = text.shape[1]
        x = self.token(text)
        x = x + (self.lstm(x)[0] if hasattr(self, "lstm") else self.position.weight[:n])
        mask = torch.nn.Transformer.generate_square_subsequent_mask(n)
        for layer in self.layers:
            x = layer(x, mask, is_causal=True)
        scores = self.norm(x) @ self.token.weight.T
        nats = torch.nn.functional.cross_entropy(scores[:, :-1].transpose(1, 2), text[:, 1:], reduction="none")
        return nats / math.log(2)


def bits(model):
    with torch.no_grad():
        return model(held_out.view(-1, PIECE))


expected = []
for name, settings in NETWORKS.items():
    torch.manual_seed(1)
    model = Hybrid(**settings)
    print(name, sum(p.numel() for p in model.parameters()), "parameters")
    optimizer = torch.optim.AdamW(model.parameters(), 4e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, STEPS, pct_start=0.05)
    for step in range(STEPS):
        loss = model(torch.stack([known[i : i + PIECE] for i in torch.randint(len(known) - PIECE, (BATCH,))])).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 250 == 249:
            print(step + 1, f"{loss.item():.3f}", f"{bits(model).mean():.3f}", flush=True)
    weights = {name: p.detach().to(torch.bfloat16).contiguous() for name, p in model.state_dict().items()}
    save_file(weights, here / f"{name}.safetensors")
    model.load_state_dict(weights)
    print("held out, weights as saved:", f"{bits(model).mean():.3f}")
    expected.append(" ".join([name, *(f"{b:.5f}" for b in bits(model)[0].tolist())]) + "\n")
(here / "text.txt").write_bytes(bytes(held_out.tolist()))
(here / "expected.txt").write_text("".join(expected))
