"""Makes words.txt, sentences.txt and sentences.safetensors from a book: python3 train.py BOOK.txt (needs torch, safetensors).

No network is trained: words that stand near the same words get similar vectors, by a singular value decomposition of how often
two words meet (positive pointwise mutual information). Frequent words get short vectors, so that they count little in a mean.
"""

import collections
import pathlib
import re
import sys

import torch
from safetensors.torch import save_file

here = pathlib.Path(__file__).resolve().parent
text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").lower()
found = [re.findall(r"[a-z]+", s) for s in re.split(r"[.!?;:]+", text.replace("'", ""))]
count = collections.Counter(w for s in found for w in s)
words = [w for w, n in sorted(count.items(), key=lambda item: (-item[1], item[0])) if n >= 4]
number = {w: i for i, w in enumerate(words)}

near = torch.zeros(len(words), len(words), dtype=torch.float64)
for s in found:
    known = [number[w] for w in s if w in number]
    for i, a in enumerate(known):
        for distance, b in enumerate(known[i + 1 : i + 6], 1):
            near[a, b] += 1 / distance
            near[b, a] += 1 / distance
share = near.sum(1) / near.sum()
information = torch.log(near / near.sum() / (share[:, None] * share[None] ** 0.75 / (share**0.75).sum())).nan_to_num().clamp(min=0)
u, s, _ = torch.linalg.svd(information)
vectors = u[:, :48] * s[:48].sqrt()
vectors *= torch.sign(vectors.sum(0))
frequency = torch.tensor([count[w] for w in words]) / len(text.split())
weight = 1e-3 / (1e-3 + frequency)
vectors = (vectors - (weight[:, None] * vectors).sum(0) / weight.sum()) * weight[:, None]

# Sentences that say something: of eight words or more, nearly all known.
chosen, seen = [], set()
for s in found:
    line = " ".join(s)
    if 8 <= len(s) <= 16 and sum(w in number for w in s) >= 0.9 * len(s) and line not in seen:
        chosen.append(line)
        seen.add(line)

(here / "words.txt").write_text("\n".join(words) + "\n")
(here / "sentences.txt").write_text("\n".join(chosen[::3]) + "\n")
save_file({"words.weight": vectors.float().contiguous()}, here / "sentences.safetensors")
print(len(words), "words,", len(chosen[::3]), "sentences")
