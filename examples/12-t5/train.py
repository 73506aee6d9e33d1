"""Trains a small T5 that writes dates: python3 train.py [STEPS] (needs torch, transformers; some minutes on a CPU).

"the 3rd of march 1865" becomes "1865-03-03". Writes config.json and model.safetensors (a folder that
T5ForConditionalGeneration.from_pretrained opens) and expected.txt: for the dates of dates.txt what `generate` of transformers
says, and the score of each byte. The dates of dates.txt are not trained on.
"""

import datetime
import pathlib
import random
import sys

import torch
from transformers import T5Config, T5ForConditionalGeneration

here = pathlib.Path(__file__).resolve().parent
MONTHS = "january february march april may june july august september october november december".split()
END = 1  # and 0 is padding, and what the decoder begins with

torch.set_num_threads(1)
torch.manual_seed(1)
random.seed(1)


def ordinal(n):
    return f"{n}{'th' if 11 <= n % 100 <= 13 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def written(date):
    """One of the ways to write a date."""
    d, m, y, month = date.day, date.month, date.year, MONTHS[date.month - 1]
    month = random.choice([month, month[:3]])
    return random.choice(
        [f"{d} {month} {y}", f"{month} {d}, {y}", f"the {ordinal(d)} of {month} {y}", f"{month} the {ordinal(d)}, {y}",
         f"{date:%A}, {d} {month} {y}".lower(), f"{ordinal(d)} {month} {y}", f"{d}.{m}.{y}", f"{d:02}/{m:02}/{y}"]
    )  # fmt: skip


def rows(texts):
    tokens = torch.zeros(len(texts), max(map(len, texts)) + 1, dtype=torch.long)
    for row, text in zip(tokens, texts):
        row[: len(text) + 1] = torch.tensor([*text.encode(), END])
    return tokens


def draw(count):
    dates = [datetime.date(1600, 1, 1) + datetime.timedelta(random.randrange(182000)) for _ in range(count)]
    dates = [d for d in dates if d not in held_out]
    return [written(d) for d in dates], [d.isoformat() for d in dates]


held_out = set()
asked, answers = draw(24)
held_out = {datetime.date.fromisoformat(a) for a in answers}
config = T5Config(
    vocab_size=128, d_model=32, d_kv=8, num_heads=4, d_ff=96, num_layers=2, num_decoder_layers=2, dropout_rate=0.0,
    feed_forward_proj="relu", tie_word_embeddings=True, pad_token_id=0, eos_token_id=END, decoder_start_token_id=0,
)  # fmt: skip
model = T5ForConditionalGeneration(config)
steps = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
optimizer = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.0)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, steps, pct_start=0.05)
for step in range(steps):
    source, target = map(rows, draw(64))
    label = target.masked_fill(target == 0, -100)
    loss = model(input_ids=source, attention_mask=(source != 0).long(), labels=label).loss
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    if step % 200 == 0 or step + 1 == steps:
        print(step, round(loss.item(), 4), flush=True)
model.to(torch.bfloat16).save_pretrained(here)

# What the program must say, from the file that was written.
model = T5ForConditionalGeneration.from_pretrained(here, dtype=torch.float32).eval()


def answer(texts):
    """The bytes that are most likely, and their scores, END included."""
    source = rows(texts)
    keep = (source != 0).long()
    with torch.no_grad():
        out = model.generate(input_ids=source, attention_mask=keep, max_new_tokens=11, do_sample=False, num_beams=1)
        scores = model(input_ids=source, attention_mask=keep, decoder_input_ids=out[:, :-1]).logits
    best = scores.topk(2).values
    print("the closest choice was decided by", (best[..., 0] - best[..., 1]).min().item())
    return ["".join(chr(t) for t in row if t > END) for row in out.tolist()], best[..., 0].tolist()


texts, right = draw(500)
print(sum(a == b for a, b in zip(answer(texts)[0], right)), "of", len(texts), "new dates are right")
found, scores = answer(asked)
(here / "dates.txt").write_text("\n".join(asked) + "\n")
with open(here / "expected.txt", "w") as file:
    for text, score in zip(found, scores):
        file.write(text + " " + " ".join(f"{v:.6f}" for v in score[: len(text) + 1]) + "\n")
for a, b, c in zip(asked, found, answers):
    print(f"{a:36} {b} {'' if b == c else c}")
