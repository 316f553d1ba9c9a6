"""Whether the settings of a grid tell masks apart, from its complete runs in a store (see can-see.yaml).

Usage: .venv/bin/python docs/results/can_see.py GRID.yaml STORE
"""

import sys

import pandas as pd
from compare import markdown

from workbench import read_grid, runs_in
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
    names = {cell.spec.name for cell in read_grid(grid)}
    runs = [run for run in runs_in(store) if run.done and run.name in names]
    print(f"{len(runs)} of {len(names)} runs are complete.\n")
    print(markdown(verdicts(check_table(runs))))
