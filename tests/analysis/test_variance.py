"""The share of masks, given back from pools that were generated with a known one."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbench.analysis.variance import share_over_control, share_over_orders
from workbench.errors import BadInput
from workbench.randomness import numpy_generator

POOLS = 200
# What 200 intervals of 95 % miss by chance in one of a thousand cases and no more.
LEAST, MOST = stats.binom.ppf((0.0005, 0.9995), POOLS, 0.95)


def generated(generator, share, seeds=3, masks=8, orders=1, order_effect=0.0):
    """Scores of variance 1 within an order, of which masks explain the share."""
    seed, mask, order = np.indices((seeds, masks, orders))
    final = 10.0 * seed + np.sqrt(share) * generator.normal(size=(seeds, masks, 1))
    final = final + order_effect * generator.normal(size=(seeds, 1, orders))
    final = final + np.sqrt(1 - share) * generator.normal(size=seed.shape)
    columns = {"seed": seed, "level": np.ones_like(seed), "mask": mask, "order": order, "final": final}
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()})


def coverage(estimate, truth):
    found = [estimate(numpy_generator("pool", truth, index)) for index in range(POOLS)]
    assert np.mean([share.share for share in found]) == pytest.approx(truth, abs=0.12)
    return sum(share.low <= truth <= share.high for share in found)


@pytest.mark.parametrize("truth", [0.0, 0.3, 0.8])
def test_the_interval_over_orders_covers_the_share(truth):
    covered = coverage(lambda rng: share_over_orders(generated(rng, truth, orders=2)), truth)
    assert LEAST <= covered <= MOST


@pytest.mark.parametrize("truth", [0.0, 0.5])
def test_with_shared_orders_what_orders_do_to_all_masks_does_not_count(truth):
    def estimate(rng):
        return share_over_orders(generated(rng, truth, orders=2, order_effect=5.0), shared=True)

    assert LEAST <= coverage(estimate, truth) <= MOST


@pytest.mark.parametrize("truth", [0.0, 0.3, 0.8])
def test_the_interval_over_a_control_covers_the_share(truth):
    def estimate(rng):
        control = generated(rng, 0.0)
        return share_over_control(
            generated(rng, truth), control.assign(final=control["final"] * (1 - truth) ** 0.5)
        )

    found = [estimate(numpy_generator("pool", truth, index)) for index in range(POOLS)]
    covered = sum(share.low <= truth <= share.high for share in found)
    assert LEAST <= covered <= MOST
    assert np.median([share.share for share in found]) == pytest.approx(truth, abs=0.1)


def test_a_worked_example():
    # Two masks under two orders: means 2 and 6, so MSB = 2 * 8 = 16; deviations of 1, so MSW = 4 / 2 = 2.
    table = pd.DataFrame(
        {"seed": 0, "level": 1, "mask": [0, 0, 1, 1], "order": [0, 1, 0, 1], "final": [1, 3, 5, 7.0]}
    )
    found = share_over_orders(table)
    assert found.share == pytest.approx((16 / 2 - 1) / (16 / 2 - 1 + 2))
    assert (found.masks, found.orders) == (1, 2)
    assert found.deviation == pytest.approx(np.sqrt((16 - 2) / 2))
    ratio = 8 / stats.f.ppf(0.025, 1, 2)
    assert found.high == pytest.approx((ratio - 1) / (ratio + 1))
    assert "Masks explain 0.78 of the variance" in str(found)


def test_more_masks_narrow_the_interval():
    widths = []
    for masks in (4, 16, 64):
        found = share_over_orders(generated(numpy_generator("width"), 0.5, masks=masks, orders=2))
        widths.append(found.high - found.low)
    assert widths == sorted(widths, reverse=True)


def test_what_cannot_tell_is_refused():
    pool = generated(numpy_generator("refused"), 0.5)
    with pytest.raises(BadInput, match="full_orders=2"):
        share_over_orders(pool)
    with pytest.raises(BadInput, match="full_orders=2"):
        share_over_orders(generated(numpy_generator("refused"), 0.5, orders=2).iloc[1:])
    with pytest.raises(BadInput, match="control's final scores do not differ"):
        share_over_control(pool, pool.assign(final=1.0))
    with pytest.raises(BadInput, match="the control has fewer than two final scores"):
        share_over_control(pool, pool[pool["mask"] == 0])
    with pytest.raises(BadInput, match="the pool has fewer than two final scores"):
        share_over_control(pool.iloc[:0], pool)


def test_scores_that_differ_by_rounding_alone_tell_nothing():
    pool = generated(numpy_generator("rounding"), 0.5)
    nearly = pool.assign(final=0.9 + np.finfo(float).eps * (pool["mask"] % 2))
    with pytest.raises(BadInput, match="control's final scores do not differ"):
        share_over_control(pool, nearly)
    orders = pd.concat([pool.assign(order=0), pool.assign(order=1, final=pool["final"] * (1 + 1e-15))])
    for shared in (False, True):
        with pytest.raises(BadInput, match=r"do not differ between data orders.*Give a longer training"):
            share_over_orders(orders, shared)
        with pytest.raises(BadInput, match="do not differ between data orders"):
            share_over_orders(orders.assign(final=1.0), shared)
