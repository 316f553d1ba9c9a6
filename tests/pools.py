"""A fabricated study: pools whose masks, early scores and gains have effects that tests know."""

from pathlib import Path

import numpy as np

from tests.fabricated import fabricate, fabricate_race, predict
from workbench.engines.imp import IMP
from workbench.engines.randomized import Randomized
from workbench.randomness import numpy_generator
from workbench.runs import Run

MASKS, SEEDS = 8, 3
STUDIED = {"levels": 1, "candidates": MASKS, "early_evaluations": 1, "full_scores": True}
NEAR, FAR = {"distance": 0.01}, {"distance": 0.3, "full_orders": 2}
COPIES = {"sampler": "magnitude"}


def fabricate_study(store: Path, like: Run) -> list[Run]:
    """Pools at sparsities 0.6 and 0.8, three seeds each, beside a control and imp.

    Masks 30 % away from the magnitude mask differ: their effect has a standard deviation ten times that of
    data orders, and they score 0.02 less than the control on average. Masks 1 % away do not differ. Early
    losses order masks as their effects do; early metrics are noise until the last of four evaluations. On
    dev, randomized is right on five more examples of 200 than its control, and imp on ten more.
    """
    runs = []
    for sparsity in (0.6, 0.8):
        for seed in range(SEEDS):
            for settings in (NEAR, FAR, COPIES):
                engine = Randomized(sparsity=sparsity, **STUDIED, **settings)
                right = 100 + seed + (0 if settings == COPIES else 5)
                run = predict(fabricate(store, like, engine, seed=seed, right=right), right)
                runs.append(fabricate_race(run, *scores(engine, sparsity, seed)))
            right = 110 + seed
            imp = fabricate(store, like, IMP(sparsity=sparsity), seed=seed, right=right, steps=700)
            runs.append(predict(imp, right))
    return runs


def scores(engine: Randomized, sparsity: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Final scores, early metrics and early losses of a pool."""
    generator = numpy_generator("study", sparsity, seed, engine.distance or 0)
    far = engine.distance == FAR["distance"]
    masks = 0.05 * generator.normal(size=(MASKS, 1)) if far else np.zeros((MASKS, 1))
    masks -= masks.mean()
    finals = 0.7 - 0.02 * far + masks + 0.005 * generator.normal(size=(MASKS, engine.full_orders))
    noise = generator.normal(size=(MASKS, 4))
    metrics = 0.6 + masks + noise * (0.5, 0.5, 0.5, 0.001)
    return finals, metrics, 0.7 - masks + 0.001 * noise[:, ::-1]
