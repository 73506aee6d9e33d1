"""Trains a small BERT on misspelt lines: python3 train.py BOOK.txt (needs torch, transformers; some minutes on a CPU).

A line of the book and a misspelt copy of it shall have vectors of a large cosine, different lines a small one. Writes
config.json and model.safetensors (a folder that BertModel.from_pretrained opens) and expected.txt, the cosines of the queries
of `run` with all sentences, computed by transformers.
"""

import pathlib
import random
import sys

import torch
from transformers import BertConfig, BertModel

here = pathlib.Path(__file__).resolve().parent
LONGEST = 96
QUERIES = ["the furst questshun was how to get drie agen", "yu can drore woter out of a wel", "sing hir turtel soop wil yu"]

torch.set_num_threads(1)
torch.manual_seed(1)
random.seed(1)


def batch(lines):
    """Bytes and which of them count; rows are as long as the longest."""
    rows = [list(line.encode("ascii", "ignore")[:LONGEST]) for line in lines]
    tokens, keep = (torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long) for _ in range(2))
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = torch.tensor(row)
        keep[i, : len(row)] = 1
    return tokens, keep


def vectors(bert, lines):
    tokens, keep = batch(lines)
    hidden = bert(input_ids=tokens, attention_mask=keep).last_hidden_state
    mean = (hidden * keep[..., None]).sum(1) / keep.sum(1, keepdim=True)
    return torch.nn.functional.normalize(mean, dim=-1)


def misspell(line):
    letters = list(line)
    for _ in range(random.randint(1, 2 + len(line) // 8)):
        i = random.randrange(len(letters))
        match random.randrange(5):
            case 0:
                letters[i] = ""
            case 1:
                letters[i] *= 2
            case 2:
                letters[i] = random.choice("abcdefghijklmnopqrstuvwxyz")
            case 3:
                letters[i : i + 2] = reversed(letters[i : i + 2])
            case 4:
                letters[i] = {"e": "a", "c": "k", "s": "z", "i": "y", "u": "o", "f": "v"}.get(letters[i], letters[i])
    words = "".join(letters).split()
    first = random.randrange(max(1, len(words) // 3))
    return " ".join(words[first : len(words) - random.randrange(max(1, len(words) // 3))]) or line


sentences = (here / "../03-sentences/sentences.txt").read_text().splitlines()
book = " ".join(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8", errors="ignore").lower().split())
words = "".join(c if c in "abcdefghijklmnopqrstuvwxyz " else "" for c in book).split()
known = set(sentences)


def draw():
    while True:
        start, count = random.randrange(len(words) - 16), random.randint(5, 15)
        line = " ".join(words[start : start + count])
        if line not in known:
            return line


config = BertConfig(
    vocab_size=128, hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=192,
    max_position_embeddings=LONGEST, type_vocab_size=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)  # fmt: skip
bert = BertModel(config, add_pooling_layer=False)
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 1500
optimizer = torch.optim.AdamW(bert.parameters(), 2e-3, weight_decay=0.01)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps, pct_start=0.1)
for step in range(steps):
    lines = [draw() for _ in range(48)]
    cosine = vectors(bert, lines) @ vectors(bert, [misspell(line) for line in lines]).T / 0.07
    loss = sum(torch.nn.functional.cross_entropy(c, torch.arange(48)) for c in (cosine, cosine.T)) / 2
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(bert.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    if step % 100 == 0 or step + 1 == steps:
        print(step, round(loss.item(), 3), flush=True)

bert.to(torch.bfloat16).save_pretrained(here)

# What the program must find, from the file that was written.
bert = BertModel.from_pretrained(here, add_pooling_layer=False, dtype=torch.float32).eval()
with torch.no_grad():
    line = vectors(bert, sentences)
    cosine = vectors(bert, QUERIES) @ line.T
    found = (vectors(bert, [misspell(s) for s in sentences]) @ line.T).argmax(-1)
print((found == torch.arange(len(sentences))).float().mean().item(), "of the sentences are found by misspelt copies")
for query, row in zip(QUERIES, cosine):
    print(query, [(round(row[i].item(), 2), sentences[i]) for i in row.topk(3).indices])
(here / "expected.txt").write_text("".join(f"{value:.7f}\n" for value in cosine.flatten().tolist()))
