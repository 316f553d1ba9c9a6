"""The tables of compare.md: the runs of a grid that are complete in a store.

Usage: .venv/bin/python docs/results/compare.py GRID.yaml STORE
"""

import sys

import pandas as pd

from workbench import read_grid, runs_in
from workbench.analysis import comparison_table


def scores(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each entry of the grid and sparsity: dev of every seed, their mean, and the cost."""
    entries = table.groupby(["sparsity", "entry"], sort=False)
    rows = entries["dev"].agg(
        **{
            "dev, every seed": lambda dev: ", ".join(f"{value:.3f}" for value in dev),
            "mean": lambda dev: round(dev.mean(), 3),
        }
    )
    rows["steps"] = entries["optimizer_steps"].first()
    rows["examples"] = entries["examples"].first()
    return rows.reset_index().sort_values(["sparsity", "mean"], ascending=[False, False])


def markdown(table: pd.DataFrame) -> str:
    """A table as Markdown."""
    lines = [list(table.columns), ["---"] * len(table.columns), *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    grid, store = sys.argv[1:]
    entries = {cell.spec.name: cell.label for cell in read_grid(grid)}
    runs = [run for run in runs_in(store) if run.done and run.name in entries]
    table = comparison_table(runs).assign(entry=lambda rows: rows["run"].map(entries))
    print(f"{len(runs)} of {len(entries)} runs are complete.")
    for task, rows in table.groupby("task", sort=False):
        dense = rows.groupby("seed")["dense"].first()
        print(f"\n{task}, {rows['metric'].iloc[0]}; dense: {', '.join(f'{value:.3f}' for value in dense)}\n")
        print(markdown(scores(rows)))
