"""Benchmark rows for creating and comparing masks."""

import itertools
from collections.abc import Iterator, Mapping

import numpy as np
import torch

from workbench.benchmark import peers
from workbench.benchmark.measure import Row
from workbench.benchmark.scales import Scale, normal_weights
from workbench.masks import (
    MagnitudeHistograms,
    Mask,
    compare,
    distance_from,
    kept_count,
    sample_mask,
    topk_mask,
)

OURS = "workbench"
_SPARSITY, _EXPONENT = 0.9375, 5.0


def selection_rows(scale: Scale) -> Iterator[Row]:
    """Yields the rows one by one, so that each row's tensors are freed before the next is measured."""
    weights = normal_weights(scale.layers, scale.hidden)
    yield _ranking({name: weight.abs() for name, weight in weights.items()}, scale)
    yield _sampling(weights, scale)
    yield _overlaps(weights, scale)
    yield _histograms(weights, scale)
    yield _slider(weights, scale)


def _ranking(scores: Mapping[str, torch.Tensor], scale: Scale) -> Row:
    kept = kept_count(sum(score.numel() for score in scores.values()), _SPARSITY)

    def check(results: dict) -> None:
        mask: Mask = results[OURS]
        assert mask.kept == kept
        lowest = min(score.masked_fill(~mask[name], np.inf).min().item() for name, score in scores.items())
        assert lowest >= max(score.mul(~mask[name]).max().item() for name, score in scores.items())
        for name, result in results.items():
            if isinstance(result, list):
                assert sum(int(module.weight_mask.count_nonzero()) for module in result) == kept, name
            elif name != OURS:
                assert result == lowest, name

    contestants = {OURS: lambda: topk_mask(scores, _SPARSITY, "global")} | peers.ranking(scores, kept)
    return Row("exact global top-k to a packed mask", contestants, check, scores, scale.rounds)


def _sampling(weights: Mapping[str, torch.Tensor], scale: Scale) -> Row:
    kept = {name: kept_count(weight.numel(), _SPARSITY) for name, weight in weights.items()}
    draws = {name: max(int(scale.ratio * (w.numel() - kept[name])), 1) for name, w in weights.items()}
    # The literal draws are sampled: only those of the first layer, and of them one in `step`.
    step = min(draws.values())
    sampled = {name: number // step for name, number in draws.items() if ".layer.0." in name}
    work = [sum(number * weights[name].numel() for name, number in d.items()) for d in (draws, sampled)]
    powers = {name: weights[name].reshape(-1).double().abs().pow(_EXPONENT) for name in sampled}
    probabilities = {name: (power / power.sum()).float() for name, power in powers.items()}
    literal = f"torch.multinomial, {sum(sampled.values())} of {sum(draws.values())} draws"

    def sample() -> Mask:
        return sample_mask(weights, _SPARSITY, ratio=scale.ratio, exponent=_EXPONENT)

    def check(results: dict) -> None:
        mask: Mask = results[OURS]
        assert mask.kept_per_matrix() == kept
        assert mask == sample()
        for name, counts in results[literal].items():
            assert counts.sum() == sampled[name] * kept[name], name
            assert not counts[probabilities[name] == 0].any(), name
        _check_randomness(weights, mask, scale)

    contestants = {
        OURS: sample,
        literal: lambda: peers.weighted_draws(probabilities, kept, sampled),
    }
    what = f"randomized mask, exponent {_EXPONENT:g}, ratio {scale.ratio:g}, per matrix"
    return Row(what, contestants, check, weights, scale.rounds, {literal: work[0] / work[1]})


def _check_randomness(weights: Mapping[str, torch.Tensor], mask: Mask, scale: Scale) -> None:
    """The first matrix's mask must be as far from the magnitude mask as one made by literal draws."""
    name = next(iter(weights))
    one = {name: weights[name]}
    literal = sample_mask(one, _SPARSITY, ratio=scale.ratio, exponent=_EXPONENT, method="draws")
    reference = topk_mask({name: weights[name].abs()}, _SPARSITY)
    drawn, ours = distance_from(reference, [literal, Mask.from_tensors({name: mask[name]})])
    # Six standard errors of a difference of two shares, an upper bound for sampling without replacement.
    assert abs(drawn - ours) <= 6 * np.sqrt(2 * drawn * (1 - drawn) / literal.kept), (drawn, ours)


def _overlaps(weights: Mapping[str, torch.Tensor], scale: Scale) -> Row:
    masks = [sample_mask(weights, _SPARSITY, ratio=scale.ratio, seed=seed) for seed in range(scale.pool)]
    bools = [[mask[name].reshape(-1) for mask in masks] for name in weights]
    floats = [torch.stack(members).float() for members in bools]

    def ours() -> list[np.ndarray]:
        compared = compare(masks)
        return [compared.jaccard(matrix).to_numpy() for matrix in (*compared.numel, None)]

    def check(results: dict) -> None:
        for name, tables in results.items():
            pairs = zip(results[OURS], tables, strict=True)
            assert all(np.array_equal(mine, theirs) for mine, theirs in pairs), name

    contestants = {
        OURS: ours,
        "float matmul, from bool masks": lambda: peers.float_overlaps(bools),
        "float matmul, from float32 masks": lambda: peers.float_overlaps(floats),
    }
    count = scale.pool * (scale.pool - 1) // 2
    what = f"{scale.pool} masks, all {count} Jaccard indices, per matrix and in all"
    return Row(what, contestants, check, weights, scale.rounds)


def _histograms(weights: Mapping[str, torch.Tensor], scale: Scale) -> Row:
    def check(results: dict) -> None:
        mask = topk_mask({name: weight.abs() for name, weight in weights.items()}, _SPARSITY, "global")
        expected = results[OURS].layer_sparsity(_SPARSITY, "global")
        assert np.allclose(expected, mask.layer_sparsity(), atol=0.01)

    contestants = {OURS: lambda: MagnitudeHistograms.of(weights)}
    return Row("histograms of the magnitudes", contestants, check, weights, scale.rounds)


def _slider(weights: Mapping[str, torch.Tensor], scale: Scale) -> Row:
    histograms = MagnitudeHistograms.of(weights)
    magnitudes = {name: weight.abs() for name, weight in weights.items()}
    # Every update has new settings, as when a slider moves.
    settings = list(itertools.product((0.9375, 0.9, 0.8), (5.0, 3.0), (scale.ratio, 2 * scale.ratio)))
    ours, theirs = itertools.cycle(settings), itertools.cycle(settings)

    def expected() -> tuple[float, float]:
        sparsity, exponent, ratio = next(ours)
        histograms.layer_sparsity(sparsity, "global")
        expectation = histograms.expect(sparsity=sparsity, exponent=exponent, ratio=ratio)
        return expectation.distance, expectation.overlap

    def sampled() -> tuple[float, float]:
        sparsity, exponent, ratio = next(theirs)
        topk_mask(magnitudes, sparsity, "global").layer_sparsity()
        reference = topk_mask(magnitudes, sparsity)
        pair = [sample_mask(weights, sparsity, ratio, exponent, seed=seed) for seed in range(2)]
        return distance_from(reference, pair).mean(), pair[0].jaccard(pair[1])

    def check(results: dict) -> None:
        tolerance = 6 / np.sqrt(kept_count(sum(w.numel() for w in weights.values()), _SPARSITY))
        assert np.allclose(results[OURS], results["two sampled masks"], atol=tolerance), results

    contestants = {OURS: expected, "two sampled masks": sampled}
    what = f"slider update: {len(weights)} sparsities, expected distance and overlap"
    return Row(what, contestants, check, weights, 3 * scale.rounds)
