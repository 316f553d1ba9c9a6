"""How the time of the mask functions grows with the number of weights: a table, and docs/images/scaling.png.

Usage: .venv/bin/python docs/results/scaling.py

It needs 8 GiB of memory, Chromium for the plot, and an otherwise idle computer.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import plotly.graph_objects as go
import torch

from workbench.benchmark import Row, measure
from workbench.benchmark.measure import one_read
from workbench.benchmark.scales import normal_weights
from workbench.figures.style import CYCLE, MUTED, SYMBOLS, TEMPLATE
from workbench.masks import MagnitudeHistograms, compare, sample_mask, topk_mask

PICTURE = Path(__file__).resolve().parents[1] / "images" / "scaling.png"
# Layers and width: 10.6 (MiniLM), 85 (bert-base), 302 (bert-large) and up to 340 million weights.
ENCODERS = ((6, 384), (12, 512), (12, 768), (14, 1024), (24, 1024), (27, 1024))
SPARSITY = 0.9375


def seconds(layers: int, hidden: int) -> tuple[int, dict[str, float]]:
    """The number of weights, and the median seconds of each function."""
    weights = normal_weights(layers, hidden)
    scores = {name: weight.abs() for name, weight in weights.items()}
    vector = torch.cat([score.reshape(-1) for score in scores.values()])
    kept = vector.numel() - round(SPARSITY * vector.numel())
    masks = [sample_mask(weights, SPARSITY, seed=seed) for seed in range(16)]
    contestants = {
        "torch.topk": lambda: torch.topk(vector, kept, sorted=False),
        "exact global top-k": lambda: topk_mask(scores, SPARSITY, "global"),
        "randomized mask": lambda: sample_mask(weights, SPARSITY),
        "histograms": lambda: MagnitudeHistograms.of(weights),
        "16 masks, all pairs": lambda: compare(masks),
        "one read": lambda: one_read(weights),
    }
    row = Row("growth", contestants, lambda results: None, weights, rounds=5)
    return vector.numel(), {line["contestant"]: line["seconds"] for line in measure(row)}


def picture(table: dict[int, dict[str, float]]) -> go.Figure:
    """Seconds over weights on logarithmic axes; a dotted line shows proportional growth."""
    sizes = list(table)
    figure = go.Figure()
    for place, name in enumerate(table[sizes[0]]):
        values = [row[name] for row in table.values()]
        style = {"line": {"color": CYCLE[place]}, "marker": {"symbol": SYMBOLS[place], "size": 8}}
        figure.add_scatter(x=sizes, y=values, name=name, mode="lines+markers", **style)
        proportional = [values[0] * size / sizes[0] for size in sizes]
        dotted = {"color": MUTED, "dash": "dot", "width": 1}
        figure.add_scatter(x=sizes, y=proportional, line=dotted, mode="lines", showlegend=False)
    figure.update_layout(template=TEMPLATE, width=860, height=520)
    ticks = [10, 20, 50, 100, 200, 340]
    figure.update_xaxes(
        type="log", title="million weights", tickvals=[tick * 1e6 for tick in ticks], ticktext=ticks
    )
    figure.update_yaxes(type="log", title="seconds", dtick=1)
    return figure


def save(figure: go.Figure) -> None:
    """Renders the plot in a headless browser."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        figure.write_html(page, config={"displayModeBar": False})
        size = f"--window-size={figure.layout.width + 16},{figure.layout.height + 16}"
        options = ["--headless", "--no-sandbox", "--hide-scrollbars", "--virtual-time-budget=5000", size]
        command = [shutil.which("chromium"), *options, f"--screenshot={PICTURE}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    table = dict(seconds(*encoder) for encoder in ENCODERS)
    names = next(iter(table.values()))
    print(f"| million weights | {' | '.join(names)} |\n|{' --- |' * (len(names) + 1)}")
    for size, row in table.items():
        print(f"| {size / 1e6:.1f} | {' | '.join(f'{row[name]:.3f}' for name in names)} |")
    save(picture(table))
