"""Expected values, compared to sampled masks and to sums over single weights."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import binom

from workbench.errors import BadInput
from workbench.masks import MagnitudeHistograms, distance_from, sample_mask, topk_mask
from workbench.masks.sampling import law

MASKS = 24


def model(numel: int = 64, dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """Two layers with two matrix types, wide and narrow; one has heavy tails, one is half pruned."""
    made = torch.Generator().manual_seed(0)
    tensors = {
        f"layer.{i}.{kind}.weight": torch.randn(numel, 4 * numel, generator=made) * scale
        for i, kind, scale in [(0, "query", 1.0), (0, "dense", 0.3), (1, "query", 0.5), (1, "dense", 2.0)]
    }
    tensors["layer.1.query.weight"] **= 3
    dense = tensors["layer.1.dense.weight"]
    dense[dense.abs() < 1.0] = 0
    return {name: tensor.to(dtype) for name, tensor in tensors.items()}


def magnitudes(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.abs() for name, tensor in weights.items()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("scope", ["matrix", "type", "global"])
@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_sparsities_equal_those_of_the_magnitude_mask(sparsity, scope, dtype):
    weights = model(dtype=dtype)
    result = MagnitudeHistograms.of(weights).layer_sparsity(sparsity, scope)
    expected = topk_mask(magnitudes(weights), sparsity, scope).layer_sparsity()
    pd.testing.assert_frame_equal(result.to_frame(), expected.to_frame(), atol=2e-3, rtol=0)


@pytest.mark.parametrize("scope", ["matrix", "type", "global"])
@pytest.mark.parametrize("sparsity", [0.1, 0.5, 0.9])
def test_thresholds_separate_kept_from_pruned_weights(sparsity, scope):
    weights = model()
    thresholds = MagnitudeHistograms.of(weights).threshold(sparsity, scope)
    mask = topk_mask(magnitudes(weights), sparsity, scope)
    for name, magnitude in magnitudes(weights).items():
        disagreeing = (magnitude > thresholds[name]) != mask[name]
        assert torch.all(
            disagreeing <= (magnitude / max(thresholds[name], 1e-30) - 1).abs().lt(1 / 64) | (magnitude == 0)
        )


@pytest.mark.parametrize(
    ("scope", "sparsity", "exponent", "draws"),
    [
        ("matrix", 0.9, 5.0, 55),
        ("matrix", 0.9, 5.0, 1),
        ("matrix", 0.6, 5.0, 3),
        ("type", 0.9, 1.0, 20),
        ("global", 0.9, 5.0, 300),
        ("global", 0.95, 15.0, 12),
    ],
)
def test_sampled_masks_match_the_expectation_within_their_standard_error(scope, sparsity, exponent, draws):
    weights = model()
    groups = {"matrix": 4, "type": 2, "global": 1}[scope]
    ratio = (draws + 0.5) / (4 * 64 * 256 / groups * sparsity)
    expected = MagnitudeHistograms.of(weights).expect(sparsity, exponent, ratio, scope)
    masks = [sample_mask(weights, sparsity, ratio, exponent, scope, seed=seed) for seed in range(MASKS)]
    magnitude = topk_mask(magnitudes(weights), sparsity, scope)
    distances = distance_from(magnitude, masks)
    overlaps = pd.Series([a.jaccard(b) for a, b in zip(masks[::2], masks[1::2], strict=True)])
    for result, value in [(distances, expected.distance), (overlaps, expected.overlap)]:
        assert abs(result.mean() - value) < 4 * result.std() / math.sqrt(len(result))
    for name, row in expected.matrices.iterrows():
        kept = np.array([mask.kept_per_matrix()[name] for mask in masks])
        moved = np.array([int((mask[name] & ~magnitude[name]).sum()) for mask in masks])
        both = np.array(
            [int((a[name] & b[name]).sum()) for a, b in zip(masks[::2], masks[1::2], strict=True)]
        )
        numel = weights[name].numel()
        shared = row["overlap"] * 2 * (1 - row["sparsity"]) * numel / (1 + row["overlap"])
        for result, value in [
            (kept, (1 - row["sparsity"]) * numel),
            (moved, row["distance"] * (1 - row["sparsity"]) * numel),
            (both, shared),
        ]:
            assert abs(result.mean() - value) < 4 * result.std(ddof=1) / math.sqrt(len(result)) + 0.5


@pytest.mark.parametrize(
    ("exponent", "draws", "error"),
    [(5.0, 1, 3e-3), (5.0, 221, 3e-3), (5.0, 663, 3e-3), (1.0, 55, 3e-3), (30.0, 221, 0.03)],
)
def test_the_error_of_binning_is_within_the_documented_bound(exponent, draws, error):
    w = torch.randn(1 << 18, generator=torch.Generator().manual_seed(2))
    kept = 1 << 14
    log_p = exponent * np.log(np.sort(w.double().abs().numpy()))
    ones, start, q = np.ones(w.numel(), dtype=np.int64), w.numel() - kept, np.empty(w.numel())
    y = log_p + law.log_time(log_p, ones, kept, start)
    theta = law.threshold(y, ones, kept, draws, start, q)
    if draws > 1:  # the same law with SciPy
        pi, count = -np.expm1(-np.exp(np.minimum(y, 6))), math.floor(theta)
        q = binom.sf(count, draws, pi) + (count + 1 - theta) * binom.pmf(count, draws, pi)
    result = MagnitudeHistograms.of({"w": w}).expect(0.9375, exponent, (draws + 0.5) / (w.numel() - kept))
    assert result.distance == pytest.approx(q[:start].sum() / kept, rel=error)
    shared = (q * q).sum()
    assert result.overlap == pytest.approx(shared / (2 * kept - shared), abs=1e-3 if exponent <= 5 else 3e-3)


def test_with_equal_numbers_of_kept_and_nonzero_weights_masks_are_the_magnitude_mask():
    weights = {"w": torch.tensor([3.0, -2.0, 0.0, 1.0, 0.0, -0.0])}
    result = MagnitudeHistograms.of(weights).expect(0.5)
    assert (result.distance, result.overlap) == (0, 1)
    assert result.matrices.loc["w"].to_dict() == {"sparsity": 0.5, "distance": 0, "overlap": 1}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda h: MagnitudeHistograms.of({}), "empty"),
        (lambda h: MagnitudeHistograms.of({"w": torch.ones(3, dtype=torch.int32)}), "'w' is torch.int32"),
        (lambda h: MagnitudeHistograms.of({"w": torch.ones(0)}), "no weight"),
        (lambda h: MagnitudeHistograms.of({"w": torch.tensor([1.0, math.inf])}), "1 of 2 values of 'w'"),
        (lambda h: h.expect(0.5), r"w has 3 non-zero weights, but sparsity 0\.5 keeps 5 of 10"),
        (lambda h: h.expect(0.8, ratio=0), "ratio 0"),
        (lambda h: h.expect(0.8, exponent=-1), "exponent -1"),
        (lambda h: h.expect(1.0), "sparsity 1.0"),
        (lambda h: h.layer_sparsity(0.99), "keeps none of the 10 weights of w"),
        (lambda h: h.threshold(0.5, "layer"), "unknown scope 'layer'"),
    ],
)
def test_bad_input_is_rejected(call, message):
    histograms = MagnitudeHistograms.of({"w": torch.tensor([1.0] * 3 + [0.0] * 7)})
    with pytest.raises(BadInput, match=message):
        call(histograms)
