"""The probability that a randomized mask keeps a weight, by its magnitude."""

import numpy as np
import pytest
import torch

from workbench.errors import BadInput
from workbench.masks import MagnitudeHistograms, sample_mask
from workbench.randomness import torch_generator

WEIGHTS = {
    f"layer.{i}.dense.weight": torch.randn(64, 48, generator=torch_generator("chances", i)) * (1 + i)
    for i in range(2)
}
LAWS = [
    {"sparsity": 0.8, "ratio": 1e-2},
    {"sparsity": 0.9, "ratio": 1e-4},
    {"sparsity": 0.8, "ratio": 1e-2, "scope": "global"},
    {"sparsity": 0.5, "exponent": 0.0, "ratio": 1e-2},
]


@pytest.fixture(scope="module")
def histograms():
    return MagnitudeHistograms.of(WEIGHTS)


@pytest.mark.parametrize("law", LAWS)
def test_chances_sum_to_the_kept_count_and_rise_with_the_magnitude(histograms, law):
    result = histograms.chances(**law)
    assert result.counts.sum(axis=1).tolist() == [64 * 48] * 2
    kept = (result.counts * result.chances).sum()
    assert kept == pytest.approx((1 - law["sparsity"]) * 2 * 64 * 48, rel=1e-3)
    assert (np.diff(result.chances, axis=1) >= -1e-12).all()
    assert result.chances.min() >= 0
    assert result.chances.max() <= 1


@pytest.mark.parametrize("law", LAWS)
def test_their_sums_equal_the_expectation(histograms, law):
    result, expected = histograms.chances(**law), histograms.expect(**law)
    kept = (result.counts * result.chances).sum(axis=1)
    shared = (result.counts * result.chances**2).sum(axis=1)
    assert (shared / (2 * kept - shared)).tolist() == pytest.approx(expected.matrices["overlap"].tolist())


def test_masks_keep_weights_with_these_chances(histograms):
    law = LAWS[0]
    result = histograms.chances(**law)
    name = next(iter(WEIGHTS))
    counted = np.zeros(64 * 48)
    for seed in range(200):
        counted += sample_mask(WEIGHTS, **law, seed=seed)[name].flatten().numpy()
    size = WEIGHTS[name].abs().flatten().numpy()
    chance = np.interp(size, (result.edges[:-1] + result.edges[1:]) / 2, result.chances[0])
    assert np.abs(counted / 200 - chance).max() < 0.18  # five standard deviations of a half
    middle = (chance > 0.2) & (chance < 0.8)
    assert middle.sum() > 20
    assert counted[middle].mean() / 200 == pytest.approx(chance[middle].mean(), abs=0.02)


def test_unusable_arguments_are_rejected(histograms):
    with pytest.raises(BadInput, match="ratio 0"):
        histograms.chances(0.9, ratio=0)
