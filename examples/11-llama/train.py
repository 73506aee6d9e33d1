"""Trains a small Llama on a book: python3 train.py BOOK.txt [STEPS] (needs torch, transformers; a few minutes on a CPU).

Writes config.json and model.safetensors (a folder that LlamaForCausalLM.from_pretrained opens) and expected.txt: what
transformers writes on after the beginnings that `run` gives, one line for each, and the scores of each last byte.
"""

import pathlib
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM

here = pathlib.Path(__file__).resolve().parent
CONTEXT, BEGINNINGS = 128, ["Alice was ", "The Queen "]

torch.set_num_threads(1)
torch.manual_seed(1)
data = torch.tensor([b for b in pathlib.Path(sys.argv[1]).read_bytes() if b < 128 and b != 13])
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
model = LlamaForCausalLM(
    LlamaConfig(
        vocab_size=128, hidden_size=48, num_attention_heads=6, num_key_value_heads=2, intermediate_size=128, num_hidden_layers=2,
        max_position_embeddings=CONTEXT, rms_norm_eps=1e-5, tie_word_embeddings=True, bos_token_id=None, eos_token_id=None,
    )
)  # fmt: skip
optimizer = torch.optim.AdamW(model.parameters(), 6e-3, weight_decay=0.01, betas=(0.9, 0.98))
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, steps, pct_start=0.05)
for step in range(steps):
    text = torch.stack([data[i : i + CONTEXT + 1] for i in torch.randint(len(data) - CONTEXT, (24,))])
    loss = torch.nn.functional.cross_entropy(model(text[:, :-1]).logits.flatten(0, 1), text[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    if step % 100 == 0 or step + 1 == steps:
        print(step, round(loss.item(), 3), flush=True)
model.to(torch.bfloat16).save_pretrained(here)

# What the program must say, from the file that was written: the most likely byte, again and again.
model = LlamaForCausalLM.from_pretrained(here, dtype=torch.float32).eval()
text = torch.tensor([list(b.encode()) for b in BEGINNINGS])
with torch.no_grad():
    margin = 1e9
    while text.shape[1] < CONTEXT:
        scores = model(text).logits[:, -1]
        best = scores.topk(2).values
        margin = min(margin, (best[:, 0] - best[:, 1]).min().item())
        text = torch.cat([text, scores.argmax(-1, keepdim=True)], 1)
    scores = model(text).logits[:, -1]
print("the closest choice was decided by", margin)
with open(here / "expected.txt", "w") as file:
    for row, score in zip(text, scores):
        file.write(" ".join(str(v) for v in row.tolist()) + "\n")
        file.write(" ".join(f"{v:.6f}" for v in score.tolist()) + "\n")
        print(bytes(row.tolist()).decode(), "\n")
