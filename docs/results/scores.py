"""The scores of the complete runs of a grid as CSV, one row for each run: what the tables are computed from.

"Recovery" is as in compare.py. The columns after it say where a run was made: scores of different devices
or processors are not subtracted from each other.

Usage: .venv/bin/python docs/results/scores.py GRID.yaml STORE > SCORES.csv
"""

import sys

from grid_runs import grid_runs

from workbench.analysis.comparison import comparison_table

_COLUMNS = ["task", "sparsity", "entry", "seed", "metric", "dev", "validation", "dense"]
_COST = ["optimizer_steps", "dense_steps", "recovery"]
_PLACE = ["device", "processor", "precision", "threads"]

if __name__ == "__main__":
    runs, entries, wanted = grid_runs(*sys.argv[1:])
    print(f"{len(runs)} of {wanted} runs are complete.", file=sys.stderr)
    table = comparison_table(runs)
    table["entry"] = table["run"].map(entries)
    environments = {run.name: run.environment for run in runs}
    for name in _PLACE:
        table[name] = [environments[run][name] for run in table["run"]]
    table = table.sort_values(_COLUMNS[:4], kind="stable")
    print(table[[*_COLUMNS, *_COST, *_PLACE, "run"]].to_csv(index=False, float_format="%.6g"), end="")
