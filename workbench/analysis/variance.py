"""Do masks of a pool end at different scores, beyond what their data orders do?

A candidate's final score is mu + a_mask + e_order, with independent normal effects; the share of its variance
that masks explain is s_a^2 / (s_a^2 + s_e^2). One training of each mask cannot tell the two apart. There are
two designs that can:

- Each mask is trained under K data orders (`full_orders`). The mean squares between and within masks then
  have an exact F distribution (random-effects analysis of variance; Searle, Casella and McCulloch 1992,
  section 3.6; the share is the intraclass correlation of Shrout and Fleiss 1979). Where all masks had the
  same orders (`shared_order`) the orders' own effect is taken out first, and e is what is left of it: that a
  mask does better in one order than in another.
- Each mask is trained once, and so are copies of one mask, the control. The ratio of the two pools' variances
  has an exact F distribution as well. This assumes that orders matter as much for a random mask as for the
  magnitude mask that the control copies.

Pools of several seeds and levels are put together within pools: what differs between seeds counts for
neither. Masks that were drawn at different sampling ratios differ by their ratio, too, and the share includes
that.
"""

from dataclasses import dataclass

import pandas as pd
import scipy

from workbench.analysis.candidates import POOL
from workbench.analysis.rounding import without_rounding
from workbench.errors import BadInput

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class VarianceShare:
    """The share of the final scores' variance that masks explain, with an exact 95 % interval.

    Attributes:
        share: the estimate; negative where masks differ less than orders alone would make them.
        low, high: ends of the interval, in [0, 1].
        masks, orders: degrees of freedom of the two variances.
        deviation: standard deviation of the masks' own effect, in units of the score; 0 where `share` is
            negative.
    """

    share: float
    low: float
    high: float
    masks: int
    orders: int
    deviation: float

    def __str__(self) -> str:
        """The share in a sentence."""
        return (
            f"Masks explain {max(self.share, 0):.2f} of the variance of final scores, 95 % interval "
            f"{self.low:.2f} to {self.high:.2f}; a mask is worth {self.deviation:.4f} (standard deviation)."
        )


def share_over_orders(table: pd.DataFrame, shared: bool = False) -> VarianceShare:
    """The share from pools whose masks were trained under several data orders each.

    Args:
        table: as `candidates.final_table` has it: seed, level, mask, order and final.
        shared: whether all masks of a pool had the same orders.

    Raises:
        BadInput: fewer than two masks in a pool or two orders a mask, or not as many for all masks; or scores
            that do not differ between orders.
    """
    cells = table.set_index([*POOL, "mask", "order"])["final"].unstack()
    pools = cells.groupby(POOL)
    orders = cells.shape[1]
    if cells.isna().any(axis=None) or orders < 2 or (pools.size() < 2).any():
        raise BadInput(
            "the variance needs two masks or more in each pool, all trained in full under as many "
            f"data orders, two or more; here {orders} or fewer. Give full_scores=true and full_orders=2."
        )
    means = cells.mean(axis=1)
    between = orders * _within(means).pow(2).sum()
    rest = cells.sub(means, axis=0)
    of_masks, of_orders = len(cells) - len(pools), len(cells) * (orders - 1)
    if shared:
        rest -= rest.groupby(POOL).transform("mean")
        of_orders = of_masks * (orders - 1)
    noise = without_rounding(rest.pow(2).sum().sum() / of_orders, cells.to_numpy())
    if noise == 0:
        raise BadInput(
            "the final scores of the masks do not differ between data orders, so the metric stands still. "
            "Give a longer training, or another metric."
        )
    return _from_ratio(between / of_masks, noise, of_masks, of_orders, orders)


def share_over_control(pool: pd.DataFrame, control: pd.DataFrame) -> VarianceShare:
    """The share from pools whose masks were trained once, beside copies of one mask.

    Args:
        pool, control: as `candidates.final_table` has it: seed, level and final. Each copy of the control had
            a data order of its own.

    Raises:
        BadInput: fewer than two scores in a pool of either, or a control whose scores are all equal.
    """
    freedoms = []
    for name, table in (("pool", pool), ("control", control)):
        sizes = table.groupby(POOL).size()
        if not len(sizes) or (sizes < 2).any():
            raise BadInput(
                f"the {name} has fewer than two final scores for a seed and level; train more in full."
            )
        freedoms.append(int(sizes.sum() - len(sizes)))
    variances = [
        _within(table.set_index(POOL)["final"]).pow(2).sum() / freedom
        for table, freedom in zip((pool, control), freedoms, strict=True)
    ]
    if without_rounding(variances[1], control["final"].to_numpy()) == 0:
        raise BadInput(
            "the control's final scores do not differ: its copies shared their data order, or the metric "
            "stands still. Give a control without shared_order, or a longer training."
        )
    return _from_ratio(*variances, *freedoms, 1)


def _within(values: pd.Series) -> pd.Series:
    """Values minus the mean of their pool."""
    return values - values.groupby(POOL).transform("mean")


def _from_ratio(masks: float, noise: float, of_masks: int, of_orders: int, orders: int) -> VarianceShare:
    """The share out of two mean squares, the first of which expects noise + orders * s_a^2."""
    ratio = masks / noise
    tail = (1 - _CONFIDENCE) / 2
    low, high = (ratio / scipy.stats.f.ppf(q, of_masks, of_orders) for q in (1 - tail, tail))
    share, low, high = ((f - 1) / (f - 1 + orders) for f in (ratio, low, high))
    deviation = (max(masks - noise, 0) / orders) ** 0.5
    return VarianceShare(share, max(low, 0.0), max(high, 0.0), of_masks, of_orders, deviation)
