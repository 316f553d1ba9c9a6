"""Lines of compare.md, in runs that kept their weights: between successive levels, and two particles of each.

Usage: .venv/bin/python docs/results/barriers.py RUN...
"""

import sys
from itertools import pairwise

import pandas as pd

from workbench.analysis import End, barriers, ends, walk
from workbench.runs import find_run


def row(kind: str, first: End, second: End) -> dict[str, object]:
    """The line between two ends: where it is, and how far it rises on train and dev."""
    rises = barriers(walk(first, second).table).set_index("split")
    return {
        "seed": first.run.spec.seed,
        "between": kind,
        "ends": f"{first.stage}, {second.stage}",
        "train loss": rises.loc["train", "loss_barrier"],
        "dev loss": rises.loc["dev", "loss_barrier"],
        "dev error": rises.loc["dev", "error_barrier"],
    }


def lines(name: str) -> list[dict[str, object]]:
    """All lines of a run."""
    run = find_run(name, ".")
    there = {end.stage: end for end in ends([run]).values()}
    levels = [level["stage"] for level in run.results["levels"]]
    rows = [row("levels", there[one], there[other]) for one, other in pairwise(levels)]
    return rows + [
        row("particles", there[f"{level}/particle-0"], there[f"{level}/particle-1"]) for level in levels
    ]


if __name__ == "__main__":
    table = pd.DataFrame([line for name in sys.argv[1:] for line in lines(name)])
    print(table.round(4).to_string(index=False))
    rises = table.groupby(["seed", "between"])[["train loss", "dev loss", "dev error"]]
    print(rises.agg(["mean", "max"]).round(4))
