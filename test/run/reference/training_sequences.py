"""Networks for sequences in training: torch.nn, its autograd and its optimizers."""

import itertools

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import models
from program import Case, integers, values
from training import NOT_FINITE, STEPS, Training, mse, sequence


def curve(entry, *sizes, steps=STEPS, **inputs):
    """Steps on batches of these sizes, one after the other and again from the first on. The mean over no rows is not finite."""
    taken = itertools.islice(itertools.cycle(sizes), steps)
    return sequence(*(Case(entry, dict(s), kinds(inputs, s), () if s["B"] else NOT_FINITE) for s in taken))


def kinds(inputs, sizes):
    return {name: kind(sizes) if callable(kind) else kind for name, kind in inputs.items()}


def gradients(entry, *sizes, **inputs):
    """One step takes a quarter of the gradients from all parameters; of a larger part some parameters would be left small."""
    return [curve(entry, s, steps=1, **{"lr": values(0.25), **inputs}) for s in sizes]


def pairs(first, second, *sizes):
    return [{"B": b, first: x, second: y} for b, x, y in sizes]


def lines(name, *sizes):
    return [{"B": b, name: n} for b, n in sizes]


# Adam divides a gradient by its own size. Where it is 0 but for rounding (a key's bias), an eps this large keeps it so.
GENTLE = values(1e-2)
# .. and one this large leaves nearly the gradient itself.
PLAIN = values(1)


class Sequences(Training):
    """What reads a parameter gets it as training has left it."""

    def __init__(self, working):
        super().__init__(working)
        self.modules = {}

    def param(self, path, *shape):
        if path not in self.weights:
            self.weights[path] = super().param(path, *shape).requires_grad_()
        return self.weights[path]

    weight = param

    def module(self, path, make):
        """A layer of PyTorch with the program's parameters below `path`."""
        if path not in self.modules:
            self.modules[path] = make().to(self.type)
            for name, p in self.modules[path].named_parameters(prefix=path):
                p.data = self.param(name, *p.shape).data
                self.weights[name] = p
        return self.modules[path]

    def embed(self, path, rows, d, index):
        return F.embedding(index, self.param(f"{path}.weight", rows, d))

    def walk(self, net, x, lengths):
        """An LSTM over x [B, T, ..]. Rows without a step, which PyTorch does not take, keep their zeros."""
        ways = 2 if net.bidirectional else 1
        y = x.new_zeros(*x.shape[:2], ways * net.hidden_size)
        h, c = x.new_zeros(2, ways * net.num_layers, len(x), net.hidden_size)
        rows = lengths.nonzero().flatten()
        if len(rows):
            packed, (hn, cn) = net(pack_padded_sequence(x[rows], lengths[rows], batch_first=True, enforce_sorted=False))
            padded, _ = pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])
            y, h, c = y.index_copy(0, rows, padded), h.index_copy(1, rows, hn), c.index_copy(1, rows, cn)
        nothing = 0 * (x.sum() + sum(p.sum() for p in net.parameters()))  # the gradients of rows without a step are 0, not absent
        return y + nothing, h + nothing, c


def tokens_loss(scores, label, **options):
    return F.cross_entropy(scores.flatten(0, -2), label.flatten(), **options)


def right(scores, label):
    return (scores.argmax(-1) == label).to(torch.float32).mean()


def masked_mean(x, keep):
    w = keep[..., None].to(x.dtype)
    return (x * w).sum(1) / w.sum(1).clamp(min=1)


def opened(keep):
    """All pairs instead of none, for rows whose result then counts nowhere: PyTorch makes NaN of none."""
    return keep | ~keep.any(-1, keepdim=True)


def adam(eps, kind=torch.optim.Adam):
    return lambda p: kind(p, eps=float(eps))


def adamw(eps):
    return adam(eps, torch.optim.AdamW)


def momentum(p):
    return torch.optim.SGD(p, lr=1, momentum=0.9)


def clip(weights):
    torch.nn.utils.clip_grad_norm_(weights, 1.0)


class train_recurrent(Sequences):
    inputs = {"label": integers(0, 7), "eps": values(1e-8)}
    last = [{"T": t, "B": b} for t, b in ((7, 6), (1, 5), (13, 1), (1, 1), (2, 33), (0, 3), (5, 0), (17, 8))]
    each = lines("T", (6, 7), (5, 1), (1, 13), (1, 1), (33, 2), (8, 17))
    cases = [
        curve("last_step", *last, lr=values(0.01)),
        *gradients("last_step", *last[::2], eps=PLAIN),
        curve("each_step", *each, lr=values(0.05)),
        *gradients("each_step", *each[::2]),
    ]

    def last_step(self, x, y, lr, eps):
        net = self.module("last.lstm", lambda: torch.nn.LSTM(5, 8, batch_first=True))
        _, h, _ = self.walk(net, x.transpose(0, 1), torch.full((x.shape[1],), len(x)))
        return self.descend("last", mse(self.linear("last.head", h[-1], 3), y), lr, adam(eps))

    def each_step(self, x, label, lr):
        net = self.module("each.gru", lambda: torch.nn.GRU(4, 9, 2, batch_first=True))
        y, _ = net(x, self.param("each.start", 2, 1, 9).expand(2, len(x), 9).contiguous())
        scores = self.linear("each.head", y, 7)
        sgd = lambda p: torch.optim.SGD(p, lr=1, momentum=0.9, nesterov=True)
        return self.descend("each", tokens_loss(scores, label), lr, sgd), right(scores, label)


class train_bilstm(Sequences):
    inputs = {"tokens": integers(0, 10), "label": integers(0, 3), "eps": values(1e-8)}
    sizes = lines("T", (5, 7), (1, 4), (9, 1), (1, 1), (33, 3), (2, 0), (3, 13))
    ragged = {"lengths": lambda s: integers(0, s["T"] + 1)}
    empty = {"lengths": values(0)}
    cases = [
        curve("train_step", *sizes, lr=values(0.01), **ragged),
        *gradients("train_step", *sizes[::2], eps=PLAIN, **ragged),
        *gradients("train_step", {"B": 2, "T": 5}, {"B": 3, "T": 0}, eps=PLAIN, **empty),
        sequence(*(curve("train_step", {"B": 5, "T": 4}, steps=1, lr=values(0.01), **n) for n in (ragged, empty, ragged))),
    ]

    def train_step(self, tokens, lengths, label, lr, eps):
        net = self.module("lstm", lambda: torch.nn.LSTM(6, 5, 2, bidirectional=True, batch_first=True))
        _, h, _ = self.walk(net, self.embed("embed", 10, 6, tokens), lengths)
        scores = self.linear("head", torch.cat((h[-2], h[-1]), -1), 3)
        return self.descend("train", F.cross_entropy(scores, label), lr, adamw(eps))


class train_hybrid(Sequences):
    inputs = {"label": integers(0, 4)}
    sizes = lines("N", (4, 6), (1, 5), (3, 1), (1, 1), (2, 49), (5, 13))
    ragged = {"lengths": lambda s: integers(0, s["N"] + 1)}
    whole = {"lengths": lambda s: values(s["N"])}
    cases = [
        curve("train_step", *sizes, lr=values(0.02), **ragged),
        *gradients("train_step", *sizes[::2], **ragged),
        *gradients("train_step", sizes[0], **whole),
    ]

    def train_step(self, x, lengths, label, lr):
        keep = torch.arange(x.shape[1]) < lengths[:, None]
        x, _, _ = self.walk(self.module("front", lambda: torch.nn.LSTM(5, 12, batch_first=True)), x, lengths)
        for i in range(2):
            norms = [self.module(f"top.{i}.norm{n}", lambda: torch.nn.LayerNorm(12)) for n in (1, 2)]
            attention = self.module(f"top.{i}.attn", lambda: torch.nn.MultiheadAttention(12, 3, batch_first=True))
            y = norms[0](x)
            x = x + attention(y, y, y, key_padding_mask=~opened(keep), need_weights=False)[0]
            x = x + self.linear(f"top.{i}.down", F.gelu(self.linear(f"top.{i}.up", norms[1](x), 48)), 12)
        loss = F.cross_entropy(self.linear("head", masked_mean(x, keep), 4), label)
        return self.descend("train", loss, lr, momentum, clip)


class train_seq2seq(Sequences):
    inputs = {"source": integers(0, 8), "target": integers(0, 9), "label": integers(0, 9)}
    sizes = pairs("S", "T", (4, 6, 5), (1, 4, 1), (3, 1, 7), (1, 1, 1), (2, 33, 13), (7, 2, 3))
    ragged = {"lengths": lambda s: integers(0, s["S"] + 1)}
    cases = [
        curve("train_step", *sizes, lr=values(0.05), **ragged),
        *gradients("train_step", *sizes[::2], **ragged),
    ]

    def train_step(self, source, lengths, target, label, lr):
        keep = torch.arange(source.shape[1]) < lengths[:, None]
        encoder = self.module("encoder", lambda: torch.nn.LSTM(6, 6, batch_first=True))
        memory, (h,), (c,) = self.walk(encoder, self.embed("source_embed", 8, 6, source), lengths)
        keys, cell = self.linear("key_proj", memory, 6, bias=False), self.module("cell", lambda: torch.nn.LSTMCell(12, 6))
        scores = []
        for y in self.embed("target_embed", 9, 6, target).unbind(1):
            query = self.linear("attention.query_proj", h, 6, bias=False)
            score = torch.tanh(query[:, None] + keys) @ self.param("attention.v", 6)
            weight = torch.softmax(score.masked_fill(~opened(keep), -models.INF), -1) * keep
            context = (weight[..., None] * memory).sum(1)
            h, c = cell(torch.cat((y, context), -1), (h, c))
            scores.append(self.linear("out", torch.cat((h, context), -1), 9))
        return self.descend("train", tokens_loss(torch.stack(scores, 1), label), lr, momentum)


class train_encoder(Sequences):
    inputs = {"tokens": integers(0, 11), "label": integers(0, 4), "eps": GENTLE}
    sizes = lines("N", (4, 6), (1, 5), (3, 1), (1, 1), (2, 49), (5, 13), (1, 131))
    cases = [
        curve("train_step", *sizes, lr=values(0.01)),
        *gradients("train_step", *sizes[::2], eps=PLAIN),
        *gradients("train_step", sizes[0], eps=PLAIN, keep=values(1)),
    ]

    def train_step(self, tokens, keep, label, lr, eps):
        layer = lambda: torch.nn.TransformerEncoderLayer(8, 2, 11, 0.0, "gelu", batch_first=True)
        net = self.module("encoder", lambda: torch.nn.TransformerEncoder(layer(), 2, enable_nested_tensor=False))
        x = net(self.embed("embed", 11, 8, tokens), src_key_padding_mask=~opened(keep))
        scores = self.linear("head", masked_mean(x, keep), 4)
        return self.descend("train", F.cross_entropy(scores, label, label_smoothing=0.1), lr, adamw(eps)), right(scores, label)


class train_decoder(Sequences):
    inputs = {"tokens": integers(0, 11), "label": values(3, -100, 0, 10, 7, 5, 1, -100, 2, 9, 3, 8, 6, 4, 1), "eps": GENTLE}
    sizes = lines("N", (4, 6), (1, 5), (3, 1), (1, 1), (2, 49), (5, 13), (1, 145))
    cases = [
        curve("train_step", *sizes, lr=values(0.01)),
        *gradients("train_step", *sizes[::2], eps=PLAIN),
    ]

    def train_step(self, tokens, label, lr, eps):
        gelu = lambda x: F.gelu(x, approximate="tanh")
        layer = lambda: torch.nn.TransformerEncoderLayer(8, 2, 32, 0.0, gelu, batch_first=True, norm_first=True)
        net = lambda: torch.nn.TransformerEncoder(layer(), 2, torch.nn.LayerNorm(8), enable_nested_tensor=False)
        n = tokens.shape[1]
        x = self.embed("wte", 11, 8, tokens) + self.param("wpe.weight", 150, 8)[:n]
        x = self.module("blocks", net)(x, mask=~models.causal(n))
        loss = tokens_loss(x @ self.param("wte.weight", 11, 8).T, label, ignore_index=-100)
        return self.descend("train", loss, lr, adamw(eps), clip)


class train_translator(Sequences):
    inputs = {"source": integers(0, 10), "target": integers(0, 9), "label": integers(0, 9), "keep": values(1, 1, 0, 1, 1)}
    sizes = pairs("M", "N", (4, 6, 5), (1, 5, 1), (2, 2, 7), (1, 1, 1), (1, 49, 13), (2, 3, 50), (1, 7, 131))
    cases = [
        curve("train_step", *sizes, lr=values(0.05)),
        *gradients("train_step", *sizes[::2]),
    ]

    def train_step(self, source, keep, target, label, lr):
        net = self.module("transformer", lambda: torch.nn.Transformer(8, 2, 1, 2, 11, 0.0, batch_first=True))
        x, y = self.embed("from", 10, 8, source), self.embed("into", 9, 8, target)
        masks = {"src_key_padding_mask": ~keep, "memory_key_padding_mask": ~keep, "tgt_mask": ~models.causal(target.shape[1])}
        scores = self.linear("head", net(x, y, **masks), 9, bias=False)
        return self.descend("train", tokens_loss(scores, label), lr, momentum)


class train_t5(Sequences, models.t5):
    inputs = {**models.t5.inputs, "label": integers(0, 12), "eps": GENTLE}
    sizes = pairs("M", "N", (2, 5, 4), (1, 5, 1), (2, 2, 7), (1, 1, 1), (1, 40, 3), (1, 3, 150))
    cases = [
        curve("train_step", *sizes, lr=values(0.01)),
        *gradients("train_step", *sizes[::2], eps=PLAIN),
    ]

    def train_step(self, source, keep, target, label, lr, eps):
        return self.descend("train", tokens_loss(self.forward(source, keep, target), label), lr, adamw(eps))


class train_vit(Sequences, models.vit):
    inputs = {"label": integers(0, 7)}
    sizes = [{"B": b} for b in (3, 1, 2, 7)]
    cases = [curve("train_step", *sizes, lr=values(0.05)), *gradients("train_step", *sizes[::2])]

    def train_step(self, image, label, lr):
        loss = F.cross_entropy(self.forward(image), label, label_smoothing=0.1)
        return self.descend("train", loss, lr, lambda p: torch.optim.SGD(p, lr=1, momentum=0.9, weight_decay=0.05))
