"""The barriers of compare.md between successive levels and between particles; needs runs with kept weights.

Usage: .venv/bin/python docs/results/barriers.py RUN...
"""

import sys
from itertools import pairwise

import pandas as pd

from workbench.analysis.connectivity import barriers, endpoints, loss_line
from workbench.analysis.loss import LossEvaluator
from workbench.runs import find_run

RISES = ["train loss", "dev loss", "dev error"]


def lines(name: str) -> pd.DataFrame:
    """All lines of a run, with their endpoints and their barriers on train and dev."""
    run = find_run(name, ".")
    by_stage = {end.stage: end for end in endpoints([run]).values()}
    evaluator = LossEvaluator(run)
    levels = [level["stage"] for level in run.results["levels"]]
    pairs = [("levels", one, other) for one, other in pairwise(levels)]
    pairs += [("particles", f"{level}/particle-0", f"{level}/particle-1") for level in levels]
    rows = []
    for kind, first, second in pairs:
        path = loss_line(evaluator, by_stage[first].weights(), by_stage[second].weights())
        rises = barriers(path).set_index("split")
        losses = rises.loc["train", "loss_barrier"], rises.loc["dev", "loss_barrier"]
        rows.append((run.spec.seed, kind, first, second, *losses, rises.loc["dev", "error_barrier"]))
    return pd.DataFrame(rows, columns=["seed", "between", "first", "second", *RISES])


if __name__ == "__main__":
    table = pd.concat(map(lines, sys.argv[1:]))
    print(table.round(4).to_string(index=False))
    print(table.groupby(["seed", "between"])[RISES].agg(["mean", "max"]).round(4))
