"""Trains the weights of words.nn with PyTorch: python3 train.py BOOK.txt (needs torch and safetensors; minutes on a CPU).

The last tenth of the book's lines is held out: lines.txt is every third of them. Writes words.safetensors, and to
expected.txt PyTorch's scores for the first lines.
"""

import pathlib
import random
import re
import sys

import torch
from safetensors.torch import save_file

STEPS, BATCH, SHOWN = 3000, 48, 8
here = pathlib.Path(__file__).resolve().parent
text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").lower().replace("'", "")
lines = [" ".join(re.findall("[a-z]+", line)) for line in text.splitlines()]
lines = [line for line in lines if line]
known, held_out = lines[: len(lines) * 9 // 10], lines[len(lines) * 9 // 10 :]
torch.set_num_threads(1)
torch.manual_seed(1)
random.seed(1)


class Words(torch.nn.Module):
    def __init__(self, d=32, hidden=48):
        super().__init__()
        self.embed = torch.nn.Embedding(26, d)
        self.gru = torch.nn.GRU(d, hidden, num_layers=2, batch_first=True, bidirectional=True, dropout=0.2)
        self.head = torch.nn.Linear(2 * hidden, 1)

    def forward(self, letters, lengths):
        x = torch.nn.utils.rnn.pack_padded_sequence(self.embed(letters), lengths, batch_first=True, enforce_sorted=False)
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(self.gru(x)[0], batch_first=True, total_length=letters.shape[1])
        return self.head(y)[..., 0]


def batch(lines):
    """Letters, the number of them, and 1 where a word ends, of lines of different length."""
    lengths = torch.tensor([len(line.replace(" ", "")) for line in lines])
    letters, ends = torch.zeros(2, len(lines), max(lengths), dtype=torch.long)
    for row, line in enumerate(lines):
        letters[row, : lengths[row]] = torch.tensor([ord(c) - ord("a") for c in line.replace(" ", "")])
        ends[row, torch.tensor([len(word) for word in line.split()]).cumsum(0) - 1] = 1
    return letters, lengths, ends


def share_found(model, lines):
    """The share of words both of whose ends are found, with none between them."""
    letters, lengths, ends = batch(lines)
    with torch.no_grad():
        guess = model(letters, lengths) > 0
    found = total = 0
    for row, n in enumerate(lengths.tolist()):
        guess[row, n - 1] = True
        words, guessed = ({*zip([0, *e], e)} for e in ([i + 1 for i in range(n) if flags[row, i]] for flags in (ends, guess)))
        found += len(words & guessed)
        total += len(words)
    return found / total


model = Words()
print(sum(p.numel() for p in model.parameters()), "parameters")
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, STEPS, pct_start=0.1)
for step in range(STEPS):
    # Some words in a row, from anywhere: a line may begin and end everywhere.
    chosen = []
    for _ in range(BATCH):
        at = random.randrange(len(known) - 1)
        words = (known[at] + " " + known[at + 1]).split()
        first = random.randrange(len(words))
        chosen.append(" ".join(words[first : first + random.randint(3, 14)]))
    letters, lengths, ends = batch(chosen)
    valid = torch.arange(letters.shape[1]) < lengths[:, None]
    loss = torch.nn.functional.binary_cross_entropy_with_logits(model(letters, lengths)[valid], ends[valid].float())
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    if step % 250 == 249:
        model.eval()
        print(step + 1, round(loss.item(), 4), f"{share_found(model, held_out):.3f}", flush=True)
        model.train()

weights = {name: p.detach().to(torch.bfloat16).contiguous() for name, p in model.state_dict().items()}
save_file(weights, here / "words.safetensors")
model.load_state_dict(weights)
model.eval()
print("held out, weights as saved:", f"{share_found(model, held_out):.3f}")
(here / "lines.txt").write_text("\n".join(held_out[::3]) + "\n")
with torch.no_grad():
    letters, lengths, _ = batch(held_out[::3][:SHOWN])
    scores = model(letters, lengths)
(here / "expected.txt").write_text("".join(" ".join(f"{s:.5f}" for s in row[:n].tolist()) + "\n" for row, n in zip(scores, lengths)))
