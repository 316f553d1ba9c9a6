"""The pool of masks that one level chose from: how its members were made and how they differ."""

import pandas as pd

from workbench.masks import overlap
from workbench.runs import Run

COLUMNS = ["candidate", "ratio", "from_magnitude", "score", "chosen"]


def pool_table(run: Run, level: int) -> pd.DataFrame:
    """The candidates of a level, in order; no row for an engine that holds no race.

    Args:
        run: any run.
        level: counted from 1.

    Returns:
        `ratio` is the sampling ratio (NaN for a copy of the magnitude mask), `from_magnitude` the share of
        the kept weights that the magnitude mask of the same parent and sparsity prunes (NaN where it was not
        recorded), `score` the mean primary metric of the last early evaluations.
    """
    rows = [(c.index, c.ratio, c.from_magnitude, c.score, c.chosen) for c in run.candidates(level)]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"ratio": "float64", "from_magnitude": "float64"})


def pool_overlap(run: Run, level: int) -> pd.DataFrame:
    """Pairwise Jaccard indices of a level's candidates, named by their numbers (`masks.overlap`).

    Raises:
        BadInput: the level has no pool.
    """
    return overlap({str(candidate.index): candidate.mask for candidate in run.candidates(level)})
