"""Whether runs with sparse layers score as the same runs with dense ones: a grid, complete in two stores.

Usage: .venv/bin/python docs/results/sparse_dense.py GRID.yaml DENSE_STORE SPARSE_STORE
"""

import sys

import pandas as pd
from compare import markdown
from grid_runs import grid_runs
from scipy import stats

if __name__ == "__main__":
    grid, *stores = sys.argv[1:]
    dense, sparse = ({run.name: run for run in grid_runs(grid, store)[0]} for store in stores)
    pairs = [(dense[name], sparse[name]) for name in dense if name in sparse]
    table = pd.DataFrame(
        {
            "sparsity": one.spec.engine.sparsity,
            "seed": one.spec.seed,
            "dense": one.dev_score[1],
            "sparse": other.dev_score[1],
            "sparse - dense": other.dev_score[1] - one.dev_score[1],
        }
        for one, other in pairs
    )
    print(markdown(table.round(4)))
    differences = table["sparse - dense"]
    low, high = stats.t.interval(0.95, len(table) - 1, differences.mean(), stats.sem(differences))
    spread = table.groupby("sparsity")["dense"].std().mean()
    print(f"\nmean difference {differences.mean():+.4f} ({low:+.4f} to {high:+.4f}, 95 % by Student's t)")
    print(f"standard deviation of seeds within a sparsity, dense: {spread:.4f}")
