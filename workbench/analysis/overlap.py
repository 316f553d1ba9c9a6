"""How much masks have in common: the pool of a level, the final masks of engines, and a map of any masks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench.masks import overlap
from workbench.runs import Run


def pool_overlap(run: Run, level: int) -> pd.DataFrame:
    """Pairwise Jaccard indices of a level's candidates, named by their numbers (`masks.overlap`).

    Raises:
        BadInput: the level has no pool.
    """
    return overlap({str(candidate.index): candidate.mask for candidate in run.candidates(level)})


def engine_overlap(runs: Sequence[Run], table: pd.DataFrame) -> pd.DataFrame:
    """Jaccard indices of the engines' final masks, averaged over the seeds that both engines have.

    Args:
        runs: complete runs.
        table: rows of their `comparison_table` at one task, model and sparsity.

    Returns:
        a symmetric frame with the engines as rows and columns and ones on the diagonal; NaN where two engines
        share no seed.
    """
    by_name = {run.name: run for run in runs}
    engines = list(dict.fromkeys(table["engine"]))
    rows_of_seeds = [rows for _, rows in table[["engine", "run"]].groupby(table["seed"], sort=False)]
    overlaps = np.full((len(rows_of_seeds), len(engines), len(engines)), np.nan)
    for of_seed, rows in zip(overlaps, rows_of_seeds, strict=True):
        # The masks of all seeds may not fit into memory.
        masks = {
            engine: by_name[name].mask() for engine, name in zip(rows["engine"], rows["run"], strict=True)
        }
        places = [engines.index(engine) for engine in masks]
        of_seed[np.ix_(places, places)] = overlap(masks)
    labels = pd.Index(engines * len(overlaps))
    stacked = pd.DataFrame(overlaps.reshape(-1, len(engines)), index=labels, columns=engines)
    return stacked.groupby(level=0, sort=False).mean()


def mask_map(overlaps: pd.DataFrame) -> pd.DataFrame:
    """Places masks in the plane so that their distances approximate their Jaccard distances.

    Metric multidimensional scaling by majorization (SMACOF, de Leeuw 1977). It starts with the first mask at
    the centre of a ring of the others, so equal tables give equal maps. Independent masks lie in as many
    directions as there are masks, so two dimensions show their distances from the first mask better than
    those between them.

    Args:
        overlaps: symmetric table of Jaccard indices of at least two masks.

    Returns:
        a row for each mask: `x` and `y` in units of Jaccard distance, the first mask at the origin, and
        `distance`, its exact Jaccard distance from the first mask.
    """
    from sklearn.manifold import smacof  # takes a second

    distances = 1 - overlaps.to_numpy()
    others = np.arange(len(overlaps) - 1)
    # Two masks on a ring of two would be in line with its centre, and never leave that line.
    angles = 2 * np.pi * others / max(3, len(others))
    ring = distances[0, 1:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    start = np.vstack([np.zeros(2), ring])
    places, _ = smacof(distances, n_components=2, init=start, n_init=1, normalized_stress=False)
    x, y = (places - places[0]).T
    return pd.DataFrame({"x": x, "y": y, "distance": distances[0]}, index=overlaps.index)
