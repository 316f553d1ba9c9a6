"""Whether an average of particles is better than they are."""

import pandas as pd

from workbench.runs import Run

COLUMNS = ["stage", "sparsity", "particle", "value", "average"]


def particle_table(run: Run) -> pd.DataFrame:
    """Each particle beside the average of its level.

    Returns:
        one row a particle: stage, sparsity, particle (from 0), value and average, the primary metric on the
        split that selection uses of the particle alone and of the mean of all particles' weights; no row for
        an engine that averages none.
    """
    metric = run.results["metrics"][0]
    rows = [
        (entry["stage"], entry["sparsity"], particle, metrics[metric], entry["validation"][metric])
        for level, entry in enumerate(run.results["levels"], start=1)
        for particle, metrics in enumerate(run.particles(level))
    ]
    return pd.DataFrame(rows, columns=COLUMNS)
