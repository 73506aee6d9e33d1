"""LSTM and GRU over padded batches, as torch.nn has them."""

import torch

from peers import Contest

PROGRAM = """
model Net[d = {d}] {{
  use net = {kind}[d, d, {depth}{more}]
  fn forward(x: float[T, B, d]) -> (y: float[T, B, {ways} * d], h: float[{depth} * {ways}, B, d]) {{
    let y, h{rest} = net(x)
    y, h
  }}
}}
"""


def contest(kind, steps, batch, d, depth=1, bidirectional=False):
    net = getattr(torch.nn, kind)(d, d, depth, bidirectional=bidirectional)
    ways = 2 if bidirectional else 1
    text = PROGRAM.format(d=d, kind=kind, depth=depth, ways=ways, more=", bidirectional = true" if bidirectional else "",
                          rest=", _" if kind == "LSTM" else "")  # fmt: skip
    x = torch.randn(steps, batch, d)

    def peer():
        y, h = net(x)
        return y, h[0] if kind == "LSTM" else h

    form = f"{depth} layers" + (", both ways" if bidirectional else "")
    return Contest(
        f"{kind} {d}, {form}, {steps} steps, batch {batch}", text, {"T": steps, "B": batch}, {"x": x},
        {f"net.{k}": v for k, v in net.state_dict().items()}, {"PyTorch": peer})  # fmt: skip


def contests():
    for kind in ("LSTM", "GRU", "RNN"):
        for batch in (1, 8, 32):
            yield contest(kind, 128, batch, 256)
    yield contest("LSTM", 64, 16, 256, depth=2, bidirectional=True)
    yield contest("GRU", 64, 16, 256, depth=2, bidirectional=True)
    yield contest("LSTM", 32, 1, 1024)
