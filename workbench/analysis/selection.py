"""Does selecting pay: do early scores predict final ones, and what would the best choice have gained?"""

from math import sqrt

import numpy as np
import pandas as pd

from workbench.analysis.candidates import POOL
from workbench.analysis.rank_correlation import pooled_rank_correlation
from workbench.analysis.resolution import Difference
from workbench.analysis.rounding import without_rounding
from workbench.errors import BadInput

RULES = (
    "oracle",
    "oracle in another order",
    "oracle of the control",
    "race",
    "random",
    "magnitude",
)


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


def gains(pool: pd.DataFrame, control: pd.DataFrame | None = None, shared: bool = False) -> pd.DataFrame:
    """What choosing the best mask of a pool, the race's, or any would have gained.

    The oracle chooses by the very scores that it is measured by, so it gains in a pool of equal masks as
    well, by the noise of data orders. What a choice among masks is worth is what it gains beyond the oracle
    of a control, or what an oracle gains that is measured in another data order than it chooses by.

    Args:
        pool: `candidates.final_table` of runs whose masks differ.
        control: the same of runs at the same seeds whose masks are copies; None if there are none.
        shared: whether the masks of either had their data orders in common. Then the oracle of the control is
            left out, as data orders do not make copies differ as they do masks.

    Returns:
        one row for each rule: rule ("oracle", "oracle in another order" if there are several, "oracle of the
        control" with a control that has as many copies and orders as the pool has masks and orders, or more,
        which do not count, "race", "random" for the mean of the sampled masks, and "magnitude" if that mask
        is in the pool), gain (mean over pools), low and high (95 % interval of the mean over pools by
        Student's t; NaN for one pool), detectable (the smallest true gain that would be detected, see
        `resolution.Difference`), pools, and over, what gains are measured from: the mean of the "control", or
        without one the "magnitude" mask of the pool, or else the "pool", the mean of its sampled masks.

    Raises:
        BadInput: a control without the pool's seeds and levels.
    """
    scores = pool.set_index([*POOL, "mask", "order"])["final"].unstack()
    facts = pool.groupby([*POOL, "mask"])[["chosen", "sampled"]].first()
    means = scores.mean(axis=1)
    rules = {
        "oracle": means.groupby(POOL).max(),
        "race": means[facts["chosen"]].groupby(POOL).mean(),
        "random": means[facts["sampled"]].groupby(POOL).mean(),
        "magnitude": means[~facts["sampled"]].groupby(POOL).mean(),
    }
    if scores.shape[1] > 1:
        rules["oracle in another order"] = scores.groupby(POOL).apply(_across_orders)
    over = "magnitude" if len(rules["magnitude"]) else "pool"
    reference = rules["magnitude" if over == "magnitude" else "random"]
    if control is not None:
        copies = control.groupby([*POOL, "mask"])["final"].mean()
        over, reference = "control", copies.groupby(POOL).mean()
        if missing := set(rules["oracle"].index) - set(reference.index):
            seed, level = min(missing)
            raise BadInput(f"the control has no scores for seed {seed} at level {level}; run it there, too.")
        best = None if shared else _best_copies(pool, control)
        if best is not None:
            rules["oracle of the control"] = best
    rows = [
        (rule, *_mean_gain(rules[rule], reference), over)
        for rule in RULES
        if rule in rules and len(rules[rule]) and rule != over
    ]
    return pd.DataFrame(rows, columns=["rule", "gain", "low", "high", "detectable", "pools", "over"])


def _best_copies(pool: pd.DataFrame, control: pd.DataFrame) -> pd.Series | None:
    """The best score of as many copies as a pool has masks, under as many orders; None if there are fewer.

    The best of more scores is better by chance alone, and the mean over more orders varies less.
    """
    sizes = pool.groupby(POOL).agg(masks=("mask", "nunique"), orders=("order", "nunique"))
    alike = control.merge(sizes.reset_index(), on=POOL)
    alike = alike[(alike["mask"] < alike["masks"]) & (alike["order"] < alike["orders"])]
    if len(alike) < sizes.prod(axis=1).sum():
        return None
    return alike.groupby([*POOL, "mask"])["final"].mean().groupby(POOL).max()


def _across_orders(scores: pd.DataFrame) -> float:
    """The mean score of the masks that are best in the other orders, one for each order.

    Args:
        scores: of a pool, a row for each mask and a column for each order.
    """
    return float(
        np.mean([scores.loc[scores.drop(columns=order).mean(axis=1).idxmax(), order] for order in scores])
    )


def _mean_gain(scores: pd.Series, reference: pd.Series) -> tuple[float, float, float, float, int]:
    gains = (scores - reference).dropna()
    size = len(gains)
    variance = gains.var(ddof=1) / size if size > 1 else np.nan
    error = sqrt(without_rounding(variance, scores.to_numpy(), reference.to_numpy()))
    mean = Difference(gains.mean(), error, size - 1, size)
    return mean.difference, mean.low, mean.high, mean.detectable, size
