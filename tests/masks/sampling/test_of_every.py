"""The law of randomized masks with a pattern, against exact probabilities."""

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.stats import binom

from workbench.errors import BadInput
from workbench.masks import (
    ChosenGroups,
    MagnitudeHistograms,
    Pattern,
    distance_from,
    kept_count,
    laws_at_distance,
    nm_mask,
    sample_mask,
    topk_mask,
)
from workbench.masks.sampling.expected_of_every import DrawnTogether, kept_chances
from workbench.randomness import torch_generator

ROW = np.array([0.9, 1.0, 1.3, 1.1, 0.4, 1.6, 1.5, 0.7])
ROWS = 20_000
SEEDS = 300
# The frequency of a kept weight is off by at most this, four standard errors of a half.
ERROR = 4 * 0.5 / np.sqrt(ROWS)


def frequencies(ratio: float, exponent: float, method: str = "counts", rows: int = ROWS) -> np.ndarray:
    """How often 2:4 keeps each weight of a row, over many equal rows, which are sampled independently."""
    weights = {"w": torch.tensor(np.tile(ROW, (rows, 1)))}
    mask = sample_mask(weights, 0.5, ratio, exponent, method=method, pattern="2:4")
    assert (mask["w"].reshape(-1, 4).sum(1) == 2).all()
    return mask["w"].double().mean(0).numpy()


def chances_of_two(draws: int, exponent: float) -> np.ndarray:
    """P(weight i is among the two of its four that are drawn most often), summed over all counts."""
    p = ROW**exponent
    time = np.exp(brentq(lambda t: -np.expm1(-np.exp(t) * p).sum() - 4, -30, 30))
    hits = -np.expm1(-time * p)
    chances = np.zeros(8)
    for first in (0, 4):
        table = binom.pmf(np.arange(draws + 1)[:, None], draws, hits[first : first + 4])
        for counts in itertools.product(range(draws + 1), repeat=4):
            counts = np.array(counts)
            weight = np.prod(table[counts, range(4)])
            above = (counts[:, None] < counts).sum(1)
            equal = (counts[:, None] == counts).sum(1)
            chances[first : first + 4] += weight * np.clip((2 - above) / equal, 0, 1)
    return chances


def computed(draws: int, exponent: float) -> np.ndarray:
    """The same chances without sampling."""
    row = ROW.reshape(2, 4)
    return kept_chances(row, 2, DrawnTogether.of(row, 2, draws, exponent)).flatten()


@pytest.mark.parametrize("exponent", [1.0, 5.0])
@pytest.mark.parametrize("draws", [2, 5])
def test_two_of_four_are_those_drawn_most_often(draws, exponent):
    ratio, chances = (draws + 0.5) / (4 * ROWS), chances_of_two(draws, exponent)
    assert frequencies(ratio, exponent) == pytest.approx(chances, abs=ERROR)
    assert computed(draws, exponent) == pytest.approx(chances, abs=1e-9)


@pytest.mark.parametrize("method", ["counts", "draws"])
def test_with_a_single_draw_two_of_four_are_drawn_without_replacement(method):
    p = ROW**2.0
    chances = np.zeros(8)
    for first in (0, 4):
        total = p[first : first + 4].sum()
        for one, other in itertools.permutations(range(first, first + 4), 2):
            chances[[one, other]] += p[one] / total * p[other] / (total - p[one])
    assert frequencies(1e-9, 2.0, method) == pytest.approx(chances, abs=ERROR)
    assert computed(1, 2.0) == pytest.approx(chances, abs=1e-3)


def test_the_uniform_method_keeps_each_of_four_equally_often():
    assert frequencies(1e-9, 0.0, "uniform") == pytest.approx([0.5] * 8, abs=ERROR)


def test_the_literal_draws_have_the_same_law():
    literal = frequencies(4.5 / (4 * 4000), 2.0, "draws", rows=4000)
    assert literal == pytest.approx(chances_of_two(4, 2.0), abs=4 * 0.5 / np.sqrt(4000))


@pytest.mark.parametrize("method", ["counts", "draws"])
def test_a_row_is_drawn_with_a_probability_in_proportion_to_its_mean_magnitude(method):
    weights = {"w": torch.tensor([[1.0, -3.0], [1.0, 0.0], [-2.0, 4.0]])}  # means 2, 0.5 and 3
    p = np.array([2.0, 0.5, 3.0]) ** 1.5
    law = {"ratio": 1e-9, "exponent": 1.5, "method": method, "pattern": "neuron"}
    masks = [sample_mask(weights, 2 / 3, seed=seed, **law) for seed in range(SEEDS)]
    counts = np.sum([mask["w"].all(1).numpy() for mask in masks], axis=0)
    assert all(mask.kept == 2 for mask in masks)
    assert counts / SEEDS == pytest.approx(p / p.sum(), abs=4 * 0.5 / np.sqrt(SEEDS))


def test_blocks_take_the_place_of_weights_and_a_ratio_counts_removed_weights():
    weights = {"w": torch.randn(40, 60, generator=torch_generator("blocks"))}
    means = {"w": Pattern.of("block:4x3").ranked({"w": weights["w"].abs()})["w"].float()}
    for method in ("counts", "draws", "band", "uniform"):
        law = {"exponent": 3.0, "seed": 4, "method": method}
        mask = sample_mask(weights, 0.8, 0.01, pattern="block:4x3", **law)
        # 12 weights a block
        groups = sample_mask(means, 0.8, 0.12 if method != "band" else 0.01, **law)
        assert torch.equal(mask["w"][::4, ::3], groups["w"])
        assert mask.kept == 12 * kept_count(200, 0.8)


def test_more_draws_come_closer_to_the_magnitude_mask_and_masks_stay_nested():
    weights = {"w": torch.randn(64, 64, generator=torch_generator("nested"))}
    magnitude = nm_mask({"w": weights["w"].abs()}, 2, 4)
    far, near = (sample_mask(weights, 0.5, ratio, pattern="2:4").hamming(magnitude) for ratio in (1e-3, 0.5))
    assert 0 < near < far / 2
    parent = sample_mask(weights, 0.25, 0.01, pattern="2:4")
    assert parent.kept == kept_count(64 * 64, 0.25)
    assert (parent["w"].reshape(-1, 4).sum(1) >= 2).all()
    parent.apply_(weights)
    child = sample_mask(weights, 0.5, 0.01, seed=1, pattern="2:4")
    assert parent & child == child
    child.apply_(weights)
    assert sample_mask(weights, 0.5, 0.01, seed=2, pattern="2:4") == child


@pytest.mark.parametrize(
    ("pattern", "distance", "error"), [("block:2x2", 0.1, 0.02), ("2:4", 0.1, 0.01), ("2:4", 0.02, 0.002)]
)
def test_a_distance_can_be_asked(pattern, distance, error):
    weights = {"w": torch.randn(200, 200, generator=torch_generator("distance"))}
    laws = laws_at_distance(weights, 0.5, distance, pattern=pattern)
    mask = sample_mask(weights, 0.5, laws=laws, pattern=pattern)
    magnitude = topk_mask({"w": weights["w"].abs()}, 0.5, pattern=pattern)
    assert mask.hamming(magnitude) / 2 / mask.kept == pytest.approx(distance, abs=error)


def test_what_n_of_every_m_has_no_law_for_is_refused():
    weights = {"w": torch.randn(20, 20, generator=torch_generator("refused"))}
    with pytest.raises(BadInput, match=r"distance 0\.5 is not below 0\.5, that of a uniform draw"):
        laws_at_distance(weights, 0.5, 0.5, pattern="2:4")
    with pytest.raises(BadInput, match=r"sparsity is 0\.4, but a mask with the pattern 2:4 has 0\.5"):
        laws_at_distance(weights, 0.4, 0.1, pattern="2:4")
    with pytest.raises(BadInput, match="2:4 has one for every 4 weights"):
        sample_mask(weights, 0.5, method="band", pattern="2:4")


@pytest.mark.parametrize(
    ("pattern", "scope", "draws"),
    [("2:4", "matrix", 1), ("4:8", "type", 7), ("1:4", "global", 500), ("block:4x2", "global", 20)],
)
def test_sampled_masks_match_the_expectation(pattern, scope, draws):
    random = torch_generator("expected")
    weights = {
        "layer.0.query.weight": torch.randn(96, 128, generator=random),
        "layer.1.query.weight": 0.5 * torch.randn(64, 128, generator=random) ** 3,
    }
    sparsity = 0.75 if pattern in ("1:4", "block:4x2") else 0.5
    law = {"ratio": (draws + 0.5) / (sparsity * 128 * (96 if scope == "matrix" else 160)), "scope": scope}
    if pattern.startswith("block"):
        expected = MagnitudeHistograms.of(weights, pattern).expect(sparsity, **law)
    else:
        chosen = ChosenGroups.of(weights, Pattern.of(pattern))
        expected = chosen.expect(chosen.chances(chosen.laws(**law)))
        part = ChosenGroups.of(weights, Pattern.of(pattern), most=1 << 12)
        estimate = part.expect(part.chances(part.laws(**law)))
        assert estimate.distance == pytest.approx(expected.distance, rel=0.1)
    masks = [sample_mask(weights, sparsity, seed=seed, pattern=pattern, **law) for seed in range(12)]
    magnitude = topk_mask({name: w.abs() for name, w in weights.items()}, sparsity, scope, pattern)
    overlaps = [a.jaccard(b) for a, b in zip(masks[::2], masks[1::2], strict=True)]
    for values, value in [
        (distance_from(magnitude, masks), expected.distance),
        (overlaps, expected.overlap),
        ([mask.layer_sparsity().iloc[0] for mask in masks], expected.matrices["sparsity"].iloc[0]),
    ]:
        assert abs(np.mean(values) - value) <= 4 * np.std(values, ddof=1) / np.sqrt(len(values)) + 1e-9


def test_zeros_are_never_sampled_even_if_too_few_others_are_left():
    weights = {"w": torch.ones(2, 8)}
    weights["w"][1, 4:7] = 0
    with pytest.raises(BadInput, match="w has 4 consecutive weights with only 1 that are not zero"):
        sample_mask(weights, 0.5, pattern="2:4")
