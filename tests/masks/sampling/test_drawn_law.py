"""Both samplers have the law of the paper.

The reference implementation uses NumPy's weighted choice. Masks of both samplers are compared to it in the
quantities that matter in a study: how often weights of each size are kept, how many kept weights the
magnitude mask would prune, and how much two independent masks overlap. The seeds are fixed, so the tests are
deterministic. The bound of four standard errors suits the 25 comparisons per case; the second test shows that
an exponent off by a tenth exceeds it.
"""

import functools

import numpy as np
import pytest
import torch

from workbench.masks import Mask, distance_from, kept_count, sample_mask, topk_mask
from workbench.randomness import numpy_generator

MASKS = 160
NUMEL = 4096
# sparsity, number of draws, exponent
CASES = [
    (0.54, 8, 5.0),
    (0.9, 20, 5.0),
    (0.9, 2, 5.0),
    (0.8, 1, 5.0),
    (0.9, 12, 1.0),
    (0.8, 12, 0.0),
    (0.9, 12, 15.0),
]

WEIGHTS = numpy_generator("law").standard_normal(NUMEL).astype(np.float32)


def yardstick_mask(sparsity: float, draws: int, exponent: float, seed: int) -> np.ndarray:
    """The procedure of the paper, written in NumPy as directly as possible."""
    rng = numpy_generator("yardstick", seed)
    p = np.abs(WEIGHTS, dtype=np.float64) ** exponent
    kept = kept_count(NUMEL, sparsity)
    counts = np.zeros(NUMEL)
    for _ in range(draws):
        counts[rng.choice(NUMEL, kept, replace=False, p=p / p.sum(), shuffle=False)] += 1
    keep = np.zeros(NUMEL, dtype=bool)
    keep[np.argsort(counts + rng.random(NUMEL))[-kept:]] = True
    return keep


def measure(keep: np.ndarray, sparsity: float) -> dict[str, np.ndarray]:
    """One row per mask: inclusion in ten bands of magnitude, distance from magnitude; per pair: overlap."""
    masks = [Mask.from_tensors({"w": torch.from_numpy(row)}) for row in keep]
    magnitude = topk_mask({"w": torch.from_numpy(np.abs(WEIGHTS))}, sparsity)
    bands = np.array_split(np.argsort(np.abs(WEIGHTS)), 10)
    return {
        "inclusion": np.stack([keep[:, band].mean(axis=1) for band in bands], axis=1),
        "distance": distance_from(magnitude, masks).to_numpy(),
        "overlap": np.array([a.jaccard(b) for a, b in zip(masks[::2], masks[1::2], strict=True)]),
    }


@functools.cache
def yardstick(sparsity: float, draws: int, exponent: float) -> dict[str, np.ndarray]:
    keep = np.stack([yardstick_mask(sparsity, draws, exponent, seed) for seed in range(MASKS)])
    return measure(keep, sparsity)


def sampled(sparsity: float, draws: int, exponent: float, method: str) -> np.ndarray:
    weights = {"w": torch.from_numpy(WEIGHTS)}
    ratio = (draws + 0.5) / (NUMEL - kept_count(NUMEL, sparsity))
    masks = [sample_mask(weights, sparsity, ratio, exponent, seed=s, method=method) for s in range(MASKS)]
    return np.stack([mask["w"].numpy() for mask in masks])


def standard_errors(left: np.ndarray, right: np.ndarray) -> float:
    """The largest difference between the means of two columns, in standard errors of that difference."""
    variance = left.var(axis=0, ddof=1) / len(left) + right.var(axis=0, ddof=1) / len(right)
    difference = np.abs(left.mean(axis=0) - right.mean(axis=0))
    return float(np.max(difference / np.sqrt(np.maximum(variance, 1e-30))))


@pytest.mark.parametrize("method", ["counts", "draws"])
@pytest.mark.parametrize(("sparsity", "draws", "exponent"), CASES)
def test_a_sampler_has_the_law_of_the_reference(sparsity, draws, exponent, method):
    measured = measure(sampled(sparsity, draws, exponent, method), sparsity)
    expected = yardstick(sparsity, draws, exponent)
    deviations = {what: standard_errors(measured[what], expected[what]) for what in expected}
    assert max(deviations.values()) < 4, deviations


@pytest.mark.parametrize("exponent", [1.0, 5.0, 15.0])
def test_the_comparison_detects_an_exponent_that_is_off_by_a_tenth(exponent):
    measured = measure(sampled(0.9, 12, 1.1 * exponent, "counts"), 0.9)
    expected = yardstick(0.9, 12, exponent)
    assert max(standard_errors(measured[what], expected[what]) for what in expected) > 4


@pytest.mark.parametrize("method", ["counts", "draws"])
def test_ties_are_broken_at_random_and_not_by_position(method):
    half = torch.from_numpy(WEIGHTS[: NUMEL // 2])
    weights = {"w": torch.cat([half, half])}
    masks = [sample_mask(weights, 0.9, 0.002, seed=seed, method=method)["w"].numpy() for seed in range(MASKS)]
    excess = np.array([row[: NUMEL // 2].sum() - row[NUMEL // 2 :].sum() for row in masks])
    assert abs(excess.mean()) < 4 * excess.std(ddof=1) / np.sqrt(MASKS)


@pytest.mark.parametrize(("ratio", "share"), [(5e-5, 0.030), (8e-5, 0.023), (1e-4, 0.021), (3e-4, 0.012)])
def test_a_large_gaussian_matrix_is_as_random_as_measured_for_the_procedure(ratio, share):
    weights = torch.from_numpy(numpy_generator("gaussian").standard_normal((768, 768)).astype(np.float32))
    magnitude = topk_mask({"w": weights.abs()}, 0.54)
    mask = sample_mask({"w": weights}, 0.54, ratio)
    assert distance_from(magnitude, [mask])[0] == pytest.approx(share, abs=1.5e-3)
