#!/usr/bin/env python3
"""Draws what a lesson's program has written of its run: plot.py LESSON FOLDER [PICTURE], such as plot.py 20-training OUT.

FOLDER is the one given to the lesson's `run`. Writes LESSON/curve.svg or PICTURE; the same numbers give the same file.
"""

import csv
import math
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
LOSS = "loss (nats)"
# For each lesson its panels: title, label of x, label of y, lines (file, columns of x and y, name), and where y ends at
# the least. A file of the run comes from FOLDER, one of the lesson's own from there.
PANELS = {
    "20-training": [
        ("What is minimized", "epoch", LOSS, [("curve.csv", "epoch", "loss", "training, with dropout")], {"low": 0}),
        ("What is right", "epoch", "images (%)", [("curve.csv", "epoch", "accuracy", "training, with dropout"), ("curve.csv", "epoch", "held back", "held back")], {"low": 0.5, "high": 1}),
    ],
    "21-series": [
        ("What is minimized", "step", "squared error / 100²", [("curve.csv", "step", "loss", "training")], {"low": 0}),
        ("Years that training has not seen", "year", "sunspots", [("forecast.csv", "year", "number", "counted"), ("forecast.csv", "year", "forecast", "forecast")], {}),
    ],
    "22-communities": [
        ("What is minimized", "step", LOSS, [("curve.csv", "step", "GCN loss", "GCN"), ("curve.csv", "step", "GAT loss", "GAT")], {"low": 0}),
        ("The 30 members whose label is not told", "step", "right (%)", [("curve.csv", "step", "GCN right", "GCN"), ("curve.csv", "step", "GAT right", "GAT")], {"low": 0, "high": 1}),
    ],
    "23-novel": [
        ("What is minimized", "step", "loss (nats per byte)", [("curve.csv", "step", "loss", "each step"), ("expected.csv", 0, 1, "PyTorch, means of 50 steps")], {"low": 1.5}),
    ],
    "24-reader": [
        ("What is minimized", "epoch", LOSS, [("curve.csv", "epoch", "loss", "training")], {"log": True}),
        ("What is right", "epoch", "images (%)", [("curve.csv", "epoch", "accuracy", "training"), ("curve.csv", "epoch", "held back", "held back")], {"low": 0.6, "high": 1}),
    ],
    "25-transfer": [
        ("What is minimized: 7 to 9, only the head learns", "epoch", LOSS, [("curve.csv", "epoch", "loss", "training")], {"low": 0}),
        ("What is right", "epoch", "images (%)", [("curve.csv", "epoch", "held back", "held back")], {"low": 0.7, "high": 1}),
    ],
}
# Colours that are told apart without seeing red and green, on paper of their own: dark pages do not change it.
COLOURS, PAPER, INK, GRID = ("#0072b2", "#d55e00"), "#fcfcfa", "#222222", "#d9d9d4"
HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 300, 66, 18, 62, 48


def read(path, x, y):
    """The points of two columns, by name (there is a line of names) or by number (there is none)."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    if isinstance(x, str):
        x, y, rows = rows[0].index(x), rows[0].index(y), rows[1:]
    if len(rows) < 2:
        sys.exit(f"plot.py: {path}: a line needs two points")
    points = [(float(row[x]), float(row[y])) for row in rows]
    # A mean over the steps since the last line stands in their middle.
    gap = (points[1][0] - points[0][0]) / 2 if points[1][0] - points[0][0] > 1 else 0
    return [(x - gap, y) for x, y in points]


def steps(low, high, most):
    """Round numbers from low to high, at most `most` + 1 of them."""
    size = 10.0 ** math.floor(math.log10((high - low) / most))
    while (high - low) / size > most:
        size *= 2.5 if f"{size:e}"[0] == "2" else 2
    first = math.ceil(low / size - 1e-9)
    return [size * i for i in range(first, math.floor(high / size + 1e-9) + 1)]


def label(value):
    return f"{value:.6g}".replace("-", "−")


class Panel:
    """One system of axes; `left` to `right` is what it may use of the picture."""

    def __init__(self, panel, folder, lesson, left, right):
        self.title, self.x_label, self.y_label, lines, ends = panel
        self.left, self.right = left + LEFT, right - RIGHT
        scale = 100 if "%" in self.y_label else 1
        self.lines = []
        for file, x, y, name in lines:
            path = folder / file if (folder / file).exists() else HERE / lesson / file
            self.lines.append((name, [(a, b * scale) for a, b in read(path, x, y)]))
        self.log = ends.get("log", False)
        ys = [y for _, points in self.lines for _, y in points]
        low, high = min(ys + [ends.get("low", math.inf) * scale]), max(ys + [ends.get("high", -math.inf) * scale])
        if self.log:
            low, high = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
            self.y_ticks = [10.0**i for i in range(round(math.log10(low)), round(math.log10(high)) + 1)]
        else:
            self.y_ticks = steps(low, high, 6)
        self.low, self.high = low, high
        xs = [x for _, points in self.lines for x, _ in points]
        self.first, self.last = min(xs), max(xs)
        self.x_ticks = steps(self.first, self.last, 6)

    def x(self, value):
        return self.left + (value - self.first) / (self.last - self.first) * (self.right - self.left)

    def y(self, value):
        low, high = (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)
        share = ((math.log10(value) if self.log else value) - low) / (high - low)
        return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)

    def draw(self):
        bottom, middle = HEIGHT - BOTTOM, (self.left + self.right) / 2
        yield f'<text x="{self.left}" y="24" font-weight="bold">{self.title}</text>'
        at = self.left
        for (name, _), colour in zip(self.lines, COLOURS):
            yield f'<path d="M{at} 42h18" stroke="{colour}" stroke-width="2.5"/><text x="{at + 23}" y="46">{name}</text>'
            at += 46 + 6.3 * len(name)
        for tick in self.y_ticks:
            y = self.y(tick)
            yield f'<path d="M{self.left} {y:.1f}H{self.right}" stroke="{GRID}"/>'
            yield f'<text x="{self.left - 7}" y="{y + 4:.1f}" text-anchor="end">{label(tick)}</text>'
        for tick in self.x_ticks:
            x = self.x(tick)
            yield f'<path d="M{x:.1f} {bottom}v5" stroke="{INK}"/>'
            yield f'<text x="{x:.1f}" y="{bottom + 19}" text-anchor="middle">{label(tick)}</text>'
        yield f'<path d="M{self.left} {TOP}V{bottom}H{self.right}" fill="none" stroke="{INK}"/>'
        yield f'<text x="{middle:.1f}" y="{HEIGHT - 9}" text-anchor="middle">{self.x_label}</text>'
        turned = f"{self.left - 46} {(TOP + bottom) / 2:.0f}"
        yield f'<text transform="translate({turned}) rotate(-90)" text-anchor="middle">{self.y_label}</text>'
        for (_, points), colour in zip(self.lines, COLOURS):
            if len(points) <= 8:
                dots = "".join(f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="4"/>' for x, y in points)
                yield f'<g fill="{colour}">{dots}</g>'
            else:
                line = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
                yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"/>'


def main():
    if len(sys.argv) not in (3, 4) or sys.argv[1].strip("/") not in PANELS:
        sys.exit(f"usage: plot.py LESSON FOLDER [PICTURE]; LESSON is one of {', '.join(PANELS)}")
    lesson = sys.argv[1].strip("/")
    panels, folder = PANELS[lesson], pathlib.Path(sys.argv[2])
    width = 400 * len(panels) if len(panels) > 1 else 560
    each = width // len(panels)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}"'
        f' font-family="Helvetica, Arial, sans-serif" font-size="12.5" fill="{INK}">',
        f'<rect width="{width}" height="{HEIGHT}" rx="6" fill="{PAPER}"/>',
    ]
    for i, panel in enumerate(panels):
        out += Panel(panel, folder, lesson, i * each, (i + 1) * each).draw()
    picture = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else HERE / lesson / "curve.svg"
    picture.write_text("\n".join([*out, "</svg>\n"]), encoding="utf-8")


if __name__ == "__main__":
    main()
