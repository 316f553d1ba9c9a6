"""Does selecting pay: do early scores predict final ones, and what would the best choice have gained?"""

from math import sqrt

import numpy as np
import pandas as pd

from workbench.analysis.candidates import POOL
from workbench.analysis.rank_correlation import pooled_rank_correlation
from workbench.analysis.resolution import Difference
from workbench.errors import BadInput


def early_correlations(table: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rank correlation of early with final scores, by kind of score and early length.

    They are within pools: what differs between seeds and levels does not count.

    Args:
        table: `candidates.early_table`.

    Returns:
        one row for each kind and step: kind, step, and of `pooled_rank_correlation` rho, low, high, pools,
            pairs.
    """
    rows = []
    for (kind, step), part in table.groupby(["kind", "step"], sort=True):
        pools = [(pool["early"].to_numpy(), pool["final"].to_numpy()) for _, pool in part.groupby(POOL)]
        found = pooled_rank_correlation(pools)
        rows.append((kind, step, found.rho, found.low, found.high, found.pools, found.pairs))
    return pd.DataFrame(rows, columns=["kind", "step", "rho", "low", "high", "pools", "pairs"])


def gains(pool: pd.DataFrame, control: pd.DataFrame | None = None) -> pd.DataFrame:
    """What choosing the best mask of a pool, the race's, or any would have gained.

    The oracle chooses by the very scores that it is measured by, so it gains in a pool of equal masks as
    well, by
    the noise of data orders: what a choice among masks is worth is what it gains beyond the control's oracle.

    Args:
        pool: `candidates.final_table` of runs whose masks differ.
        control: the same of runs at the same seeds whose masks are copies; scores are gains over its mean.
            None to measure gains over the pool's own mean.

    Returns:
        one row for each rule: rule ("oracle", "race", "random" and, with a control, "oracle of the control"),
            gain
        (mean over pools), low and high (95 % interval of the mean over pools by Student's t; NaN for one
        pool), detectable (the smallest true gain that would be detected, see `resolution.Difference`), and
        pools.

    Raises:
        BadInput: a control without the pool's seeds and levels.
    """
    finals = _finals(pool)
    means = finals.groupby(POOL)["final"].mean()
    rules = {
        "oracle": finals.groupby(POOL)["final"].max(),
        "race": finals[finals["chosen"]].groupby(POOL)["final"].mean(),
        "random": means,
    }
    reference = means
    if control is not None:
        copies = _finals(control).groupby(POOL)["final"]
        reference = copies.mean()
        if missing := set(means.index) - set(reference.index):
            seed, level = min(missing)
            raise BadInput(f"the control has no scores for seed {seed} at level {level}; run it there, too.")
        rules["oracle of the control"] = copies.max()
    rows = [(rule, *_mean_and_interval((values - reference).dropna())) for rule, values in rules.items()]
    return pd.DataFrame(rows, columns=["rule", "gain", "low", "high", "detectable", "pools"])


def _finals(table: pd.DataFrame) -> pd.DataFrame:
    """Scores as means over data orders."""
    return table.groupby([*POOL, "mask"]).agg(final=("final", "mean"), chosen=("chosen", "any")).reset_index()


def _mean_and_interval(values: pd.Series) -> tuple[float, float, float, float, int]:
    size = len(values)
    error = values.std(ddof=1) / sqrt(size) if size > 1 else np.nan
    mean = Difference(values.mean(), error, size - 1, size)
    return mean.difference, mean.low, mean.high, mean.detectable, size
