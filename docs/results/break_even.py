"""From which sparsity on a training step's products are quicker with the kept weights alone, on this machine.

Usage: OMP_NUM_THREADS=1 .venv/bin/python docs/results/break_even.py

For each shape of performance.md, in bfloat16, for 1,024 tokens, from the costs by which `auto` chooses. They
are measured once a machine; XDG_CACHE_HOME=FOLDER measures them again, which needs a quiet machine.
"""

import torch

from workbench.compute import measured_break_even

TOKENS = 1024
SHAPES = [(384, 384), (1536, 384), (384, 1536), (768, 768), (3072, 768), (768, 3072)]

if __name__ == "__main__":
    costs = measured_break_even(torch.bfloat16)
    for rows, columns in SHAPES:
        weights = rows * columns
        quicker = (
            sparsity
            for sparsity in (per_mille / 1000 for per_mille in range(500, 1000, 5))
            if costs.best((rows, columns), round(weights * (1 - sparsity)), TOKENS) == "sparse"
        )
        print(f"{rows} x {columns}: {next(quicker, 'none')}")
