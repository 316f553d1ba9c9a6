"""Whether the settings of a grid tell masks apart, from its complete runs in a store (see can-see.yaml).

Usage: .venv/bin/python docs/results/can_see.py GRID.yaml STORE
"""

import sys

import pandas as pd
from compare import markdown
from grid_runs import grid_runs

from workbench.analysis.resolution import check_table


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """The checks in words and figures, a row each."""
    rows = table[["task", "sparsity", "check", "seeds"]].copy()
    rows["difference, 95 %"] = [
        f"{row.difference:+.3f}" + ("" if pd.isna(row.low) else f" ({row.low:+.3f} to {row.high:+.3f})")
        for row in table.itertuples()
    ]
    rows["would detect"] = ["" if pd.isna(value) else f"{value:.3f}" for value in table["detectable"]]
    rows["passed"] = table["passed"].map({True: "yes", False: "no"})
    return rows


if __name__ == "__main__":
    grid, store = sys.argv[1:]
    runs, _, wanted = grid_runs(grid, store)
    print(f"{len(runs)} of {wanted} runs are complete.\n")
    print(markdown(verdicts(check_table(runs))))
