"""Trains the weights of numbers.nn with PyTorch: python3 train.py (needs torch and safetensors; minutes on a CPU).

Numbers below a million with all lengths alike. The 200 of numbers.txt are held out. Writes words.txt, numbers.txt,
numbers.safetensors, and to expected.txt PyTorch's scores of every step for the first numbers.
"""

import pathlib
import random

import torch
from safetensors.torch import save_file

STEPS, BATCH, HELD_OUT, SHOWN, END = 2000, 96, 200, 8, 10
here = pathlib.Path(__file__).resolve().parent
torch.set_num_threads(1)
torch.manual_seed(1)
random.seed(1)

ONES = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen").split()  # fmt: skip
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
WORDS = ONES + TENS + ["hundred", "thousand", "and"]


def in_words(n):
    """The words of a number below a million."""
    if n >= 1000:
        rest = [] if n % 1000 == 0 else (["and"] if n % 1000 < 100 else []) + in_words(n % 1000)
        return in_words(n // 1000) + ["thousand"] + rest
    if n >= 100:
        return [ONES[n // 100], "hundred"] + (["and"] + in_words(n % 100) if n % 100 else [])
    if n >= 20:
        return [TENS[n // 10 - 2]] + ([ONES[n % 10]] if n % 10 else [])
    return [ONES[n]]


def drawn():
    return random.randrange(10 ** random.randint(1, 6))


class Attention(torch.nn.Module):
    def __init__(self, d):
        super().__init__()
        self.query = torch.nn.Linear(d, d, bias=False)

    def forward(self, x, memory, length):
        score = (memory @ self.query(x)[:, :, None])[..., 0]
        score = score.masked_fill(torch.arange(memory.shape[1]) >= length[:, None], -torch.inf)
        return (torch.softmax(score, -1)[:, None] @ memory)[:, 0]


class Numbers(torch.nn.Module):
    def __init__(self, words=len(WORDS), symbols=11, d=48):
        super().__init__()
        self.source = torch.nn.Embedding(words, d)
        self.encoder = torch.nn.LSTM(d, d, batch_first=True)
        self.target = torch.nn.Embedding(symbols, d)
        self.attention = Attention(d)
        self.decoder = torch.nn.LSTMCell(2 * d, d)
        self.out = torch.nn.Linear(2 * d, symbols)

    def encode(self, word, length):
        x = torch.nn.utils.rnn.pack_padded_sequence(self.source(word), length, batch_first=True, enforce_sorted=False)
        y, (h, c) = self.encoder(x)
        memory, _ = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True)
        return memory, h[0], c[0]

    def next(self, symbol, memory, length, h, c):
        seen = self.attention(h, memory, length)
        h, c = self.decoder(torch.cat((self.target(symbol), seen), -1), (h, c))
        return self.out(torch.cat((h, seen), -1)), h, c

    def forward(self, word, length, symbols=None, steps=7):
        """Scores of each step: with the symbols given, or else with the likeliest ones."""
        memory, h, c = self.encode(word, length)
        symbol, scores = torch.full((len(word),), END), []
        for t in range(steps):
            score, h, c = self.next(symbol, memory, length, h, c)
            scores.append(score)
            symbol = score.argmax(-1) if symbols is None else symbols[:, t].clamp(min=0)
        return torch.stack(scores, 1)


def batch(numbers):
    """Words, how many each number has, and its digits with an end; -1 is padding."""
    words = [[WORDS.index(w) for w in in_words(n)] for n in numbers]
    length = torch.tensor([len(w) for w in words])
    word = torch.tensor([w + [0] * (max(length) - len(w)) for w in words])
    symbols = torch.tensor([[*map(int, str(n)), END] + [-1] * (6 - len(str(n))) for n in numbers])
    return word, length, symbols


def share_right(model, numbers):
    word, length, symbols = batch(numbers)
    with torch.no_grad():
        guess = model(word, length).argmax(-1)
    return ((guess == symbols) | (symbols < 0)).all(-1).float().mean().item()


held_out = set()
while len(held_out) < HELD_OUT:
    held_out |= {n for n in [drawn()] if n > 100}
held_out = random.sample(sorted(held_out), HELD_OUT)

model = Numbers()
print(sum(p.numel() for p in model.parameters()), "parameters")
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, STEPS, pct_start=0.1)
forbidden = set(held_out)
for step in range(STEPS):
    word, length, symbols = batch([n for n in (drawn() for _ in range(BATCH)) if n not in forbidden])
    scores = model(word, length, symbols)
    loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), symbols.flatten(), ignore_index=-1)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    if step % 500 == 499:
        print(step + 1, round(loss.item(), 5), f"{share_right(model, held_out):.3f}", flush=True)

weights = {name: p.detach().to(torch.bfloat16).contiguous() for name, p in model.state_dict().items()}
save_file(weights, here / "numbers.safetensors")
model.load_state_dict(weights)
print("held out, weights as saved:", f"{share_right(model, held_out):.3f}")
(here / "words.txt").write_text("\n".join(WORDS) + "\n")
(here / "numbers.txt").write_text("".join(f"{n} {' '.join(in_words(n))}\n" for n in held_out))
with torch.no_grad():
    word, length, _ = batch(held_out[:SHOWN])
    scores = model(word, length)
(here / "expected.txt").write_text("".join(" ".join(f"{s:.5f}" for s in step) + "\n" for step in scores.flatten(0, 1).tolist()))
