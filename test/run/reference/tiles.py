"""Edge networks in tiles of edges."""

import torch

from program import Case, Program, narrow

# Sources, targets, edges: tiles have 1024 edges, or fewer of wide rows.
SHAPES = ((1, 1, 0), (1, 1, 1), (3, 1, 1023), (3, 1, 1024), (3, 2, 1025), (7, 1, 3000), (40, 2000, 1500), (150, 90, 2500), (0, 3, 0))


def over(*entries, shapes=SHAPES):
    return [Case(entry, {"S": s, "D": d, "E": e}) for entry in entries for s, d, e in shapes] + [
        Case(entry, {"S": 30, "D": 50, "E": 2047}, {"g": narrow}) for entry in entries
    ]


class tiles(Program):
    types = ("f32", "f64", "bf16")
    cases = (
        over("sums", "several", "edges")
        + over("some", "scores", "heads", shapes=SHAPES[:2] + SHAPES[4:])
        + [Case("loops", {"N": n, "E": e}) for n, e in ((1, 0), (1, 1022), (511, 1), (512, 0), (513, 300), (20, 2500))]
    )  # fmt: skip

    def message(self, u, v, f):
        return self.linear("second", torch.relu(self.linear("first", torch.cat([u, v, f], -1), 9)), 6)

    def sums(self, x, y, f, g):
        return g.sum(torch.tanh(self.message(x[g.source], y[g.target], f)))

    def several(self, x, y, g):
        u = x[g.source]
        h = self.linear("loud", torch.cat([u * y[g.target], u], -1), 7)
        return g.mean(h), g.max(h), g.min(torch.tanh(h))

    def some(self, x, y, keep, g):
        h = self.linear("wide", x[g.source] * y[g.target], 150)
        kept = g.where(keep)
        return kept.mean(torch.tanh(h[keep])), kept.max(h[keep])

    def edges(self, x, y, f, g):
        u, v = x[g.source], y[g.target]
        hidden = [torch.relu(self.linear("first", torch.cat(parts, -1), 9)) for parts in ([u, v, f], [v, u, f])]
        return self.message(u, v, f), (hidden[0] * hidden[1]).sum(-1)

    def scores(self, x, y, f, g):
        u, v = x[g.source], y[g.target]
        score = self.linear("second", torch.tanh(self.linear("first", torch.cat([u, v, f], -1), 9)), 6)[:, 0]
        return g.attend(score, self.linear("wide", u * v, 150))

    def heads(self, x, y, f, g):
        h = [self.message(x[g.source, k], y[g.target, k], f) for k in range(4)]
        return torch.stack([g.sum(torch.tanh(m)) for m in h]), torch.stack(h)

    def loops(self, x, g):
        more = g.loops().loops()
        turned = more.reverse()
        keep = (torch.arange(more.edges) < g.edges) | (more.source != more.target)
        number = torch.arange(more.edges)[keep].to(x.dtype).unsqueeze(-1) / 1000
        part = more.where(keep)

        def pair(a, b):
            return self.linear("loud", torch.cat([a, b], -1), 7)

        return (
            more.sum(torch.tanh(pair(x[more.source], x[more.target]))),
            turned.max(pair(x[turned.source] * x[turned.target], x[turned.source])),
            part.mean(pair(x[part.source] * x[part.target], x[part.source]) + number),
        )
