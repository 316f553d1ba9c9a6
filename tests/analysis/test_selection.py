"""Early against final scores, and gains, from pools that were generated with known ones."""

from math import asin, pi, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbench.analysis.candidates import early_table, final_table
from workbench.analysis.rank_correlation import pooled_rank_correlation
from workbench.analysis.selection import early_correlations, gains
from workbench.errors import BadInput
from workbench.randomness import numpy_generator

POOLS = 200
LEAST, MOST = stats.binom.ppf((0.0005, 0.9995), POOLS, 0.95)


def correlated(generator, r, size=8):
    first = generator.normal(size=size)
    return first, r * first + sqrt(1 - r * r) * generator.normal(size=size)


@pytest.mark.parametrize("r", [0.0, 0.6, 0.9])
@pytest.mark.parametrize("seeds", [1, 3])
def test_the_interval_covers_the_rank_correlation(r, seeds):
    truth, covered, found = 6 / pi * asin(r / 2), 0, []
    for index in range(POOLS):
        generator = numpy_generator("correlated", r, seeds, index)
        found.append(pooled_rank_correlation([correlated(generator, r) for _ in range(seeds)]))
        covered += found[-1].low <= truth <= found[-1].high
    assert LEAST <= covered <= MOST
    assert np.mean([f.rho for f in found]) == pytest.approx(truth, abs=0.06)


def test_only_ranks_within_pools_count():
    first, second = correlated(numpy_generator("ranks"), 0.5)
    plain = pooled_rank_correlation([(first, second), (first, second)])
    assert pooled_rank_correlation([(np.exp(first), second), (first + 100, second - 100)]) == plain
    assert (plain.pools, plain.pairs) == (2, 16)
    opposite = pooled_rank_correlation([(first, second), (first, -second)])
    assert opposite.rho == pytest.approx(0)


def test_perfect_and_missing_correlations():
    up = np.arange(8.0)
    perfect = pooled_rank_correlation([(up, up)])
    assert (perfect.rho, perfect.high) == (1, 1)
    assert 0.3 < perfect.low < 0.95
    assert pooled_rank_correlation([(up, -up)]).low == -1
    flat = pooled_rank_correlation([(0 * up, up)])
    assert flat.rho == 0
    assert flat.low < -0.5 < 0.5 < flat.high
    nothing = pooled_rank_correlation([(up[:2], up[:2])])
    assert np.isnan(nothing.rho)
    assert nothing.pairs == 0


def test_correlations_by_kind_and_early_length():
    rows = []
    for seed in range(3):
        generator = numpy_generator("early", seed)
        final = generator.normal(size=8)
        for step, noise in ((10, 5.0), (20, 0.1)):
            for kind, more in (("metric", 3.0), ("loss", 1.0)):
                early = final + more * noise * generator.normal(size=8)
                rows += [
                    (seed, 1, m, kind, step, e, f) for m, (e, f) in enumerate(zip(early, final, strict=True))
                ]
    table = pd.DataFrame(rows, columns=["seed", "level", "mask", "kind", "step", "early", "final"])
    found = early_correlations(table).set_index(["kind", "step"])
    assert found.loc[("loss", 20), "rho"] > 0.9
    assert found.loc[("loss", 20), "low"] > found.loc[("loss", 10), "rho"]
    assert list(found["pools"]) == [3] * 4
    assert list(found["pairs"]) == [24] * 4


def finals(scores, chosen=0):
    """A table out of {seed: scores of the masks}."""
    rows = [
        (seed, 1, mask, 0, score, mask == chosen, True)
        for seed, row in scores.items()
        for mask, score in enumerate(row)
    ]
    return pd.DataFrame(rows, columns=["seed", "level", "mask", "order", "final", "chosen", "sampled"])


def test_gains_of_the_oracle_the_race_and_a_random_pick():
    pool = finals({0: [0.5, 0.7, 0.6], 1: [0.6, 0.6, 0.9]})
    control = finals({0: [0.5, 0.5, 0.5], 1: [0.6, 0.4, 0.5]})
    found = gains(pool, control).set_index("rule")
    assert found["gain"].to_dict() == pytest.approx(
        {"oracle": 0.3, "race": 0.05, "random": 0.15, "oracle of the control": 0.05}
    )
    reach = stats.t.ppf(0.975, 1) * 0.1  # the oracle's gains are 0.2 and 0.4
    assert found.loc["oracle", "low"] == pytest.approx(0.3 - reach)
    alone = gains(pool).set_index("rule")["gain"]
    assert alone["random"] == pytest.approx(0)
    assert alone["oracle"] == pytest.approx(0.15)


def test_the_oracle_of_the_control_has_as_many_masks_and_orders_as_the_pools():
    def best(pool, control, **more):
        return gains(pool, control, **more).set_index("rule")["gain"].get("oracle of the control")

    pool = finals({0: [0.5, 0.7], 1: [0.6, 0.6]})
    control = finals({0: [0.5, 0.7, 0.9], 1: [0.5, 0.7, 0.9], 2: [0.9, 0.9, 0.9]})
    assert best(pool, control) == pytest.approx(0.0), "the third copy counts in the control's mean alone"
    assert best(pool, control, shared=True) is None
    assert best(pool, control[control["mask"] < 1]) is None
    twice = [pd.concat([table, table.assign(order=1)]) for table in (pool, control)]
    assert best(twice[0], control) is None
    assert best(pool, twice[1].assign(final=lambda rows: rows["final"] + rows["order"])) == pytest.approx(
        -0.5
    )
    assert best(*twice) == pytest.approx(0.0)


def test_gains_over_the_magnitude_mask_of_the_pool():
    pool = finals({0: [0.5, 0.7, 0.6], 1: [0.6, 0.6, 0.9]})
    pool["sampled"] = pool["mask"] < 2
    found = gains(pool).set_index("rule")
    assert found["gain"].to_dict() == pytest.approx({"oracle": 0.05, "race": -0.2, "random": -0.15})
    assert set(found["over"]) == {"magnitude"}
    assert gains(pool, pool).set_index("rule").loc["magnitude", "gain"] > 0


def test_an_oracle_gains_nothing_in_another_order_if_masks_are_equal():
    generator = numpy_generator("orders")
    found = {}
    for name, effect in (("equal", 0.0), ("different", 1.0)):
        orders = []
        masks = effect * generator.normal(size=(100, 8))
        for order in range(2):
            scores = masks + 0.5 * generator.normal(size=masks.shape)
            orders.append(finals(dict(enumerate(scores))).assign(order=order))
        found[name] = gains(pd.concat(orders)).set_index("rule")
    assert found["equal"].loc["oracle", "low"] > 0.3
    assert found["equal"].loc["oracle in another order", "gain"] == pytest.approx(0, abs=0.15)
    assert found["different"].loc["oracle in another order", "low"] > 0.9


def test_gains_need_the_controls_seeds_and_one_pool_has_no_interval():
    pool = finals({0: [0.5, 0.7], 1: [0.6, 0.6]})
    with pytest.raises(BadInput, match="no scores for seed 1 at level 1"):
        gains(pool, finals({0: [0.5, 0.5]}))
    assert gains(pool[pool["seed"] == 0])["low"].isna().all()


def test_gains_that_are_equal_but_for_rounding_say_nothing_about_what_would_be_seen():
    found = gains(finals({0: [0.9, 0.9], 1: [0.8, 0.8]}), finals({0: [0.8, 0.8], 1: [0.7, 0.7]}))
    assert found["gain"].to_list() == pytest.approx([0.1, 0, 0.1, 0.1])
    assert found["detectable"].isna().all()


def test_tables_of_a_real_run(finished_run):
    final = final_table([finished_run])
    assert list(final["level"].unique()) == [1, 2]
    assert len(final) == 8
    assert final.groupby("level")["chosen"].sum().tolist() == [1, 1]
    full = finished_run.candidates(2, race="full")
    assert final[final["level"] == 2]["final"].tolist() == [c.score for c in full]
    early = early_table([finished_run])
    last = early[early["step"] == early["step"].max()].set_index(["level", "kind", "mask"])["early"]
    for candidate in finished_run.candidates(1):
        assert last[1, "metric", candidate.index] == pytest.approx(candidate.score)
        assert last[1, "loss", candidate.index] == pytest.approx(-candidate.loss)
    assert set(early_correlations(early)["kind"]) == {"loss", "metric"}
    with pytest.raises(BadInput, match="two runs have seed 0"):
        final_table([finished_run, finished_run])
