"""The released code's other ways of sampling."""

import numpy as np
import pytest
import torch

from workbench.errors import BadInput
from workbench.masks import kept_count, sample_mask, topk_mask


def gaussian(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("method", ["uniform", "band"])
@pytest.mark.parametrize("scope", ["matrix", "type", "global"])
@pytest.mark.parametrize("sparsity", [0, 0.3, 0.9, 0.97])
def test_the_count_is_exact_in_every_group(method, scope, sparsity):
    weights = {
        f"layer.{i}.{kind}.weight": gaussian(9, 13, seed=i) for i in range(2) for kind in ("query", "dense")
    }
    kept = list(sample_mask(weights, sparsity, 0.02, scope=scope, method=method).kept_per_matrix().values())
    sums = {"matrix": kept, "type": [kept[0] + kept[2], kept[1] + kept[3]], "global": [sum(kept)]}[scope]
    assert sums == [kept_count(468 // len(sums), sparsity)] * len(sums)


def test_draws_by_the_kept_weights_are_as_many_as_their_ratio_says():
    weights = {"w": gaussian(60, 100)}
    by_kept = sample_mask(weights, 0.9, ratio=0.09, draws_by="kept")
    assert by_kept == sample_mask(weights, 0.9, ratio=0.01)  # 54 draws: 0.09 of 600, 0.01 of 5400
    assert by_kept != sample_mask(weights, 0.9, ratio=0.09)
    with pytest.raises(BadInput, match="way to count draws"):
        sample_mask(weights, 0.9, draws_by="both")


def test_uniform_masks_keep_every_weight_that_is_not_zero_alike():
    weights = {"w": gaussian(20, 50)}
    parent = topk_mask({"w": weights["w"].abs()}, 0.5)
    parent.apply_(weights)
    masks = [sample_mask(weights, 0.8, seed=seed, method="uniform") for seed in range(200)]
    assert all((mask & ~parent).kept == 0 for mask in masks)
    frequencies = np.mean([mask["w"][parent["w"]].numpy() for mask in masks], axis=0)
    assert frequencies.mean() == pytest.approx(0.4)
    assert np.abs(frequencies - 0.4).max() < 5 * np.sqrt(0.4 * 0.6 / 200)
    by_magnitude = np.corrcoef(frequencies, weights["w"][parent["w"]].abs().numpy())[0, 1]
    assert abs(by_magnitude) < 0.15


def test_a_band_changes_only_what_is_near_the_threshold():
    weights = {"w": gaussian(100, 100)}
    ranked = weights["w"].abs().flatten().sort(descending=True).values
    threshold, inside = ranked[2999], int((ranked[:3000] <= 1.5 * ranked[2999]).sum())
    masks = [sample_mask(weights, 0.7, ratio=1e-3, seed=seed, method="band") for seed in range(20)]
    kept = torch.stack([mask["w"].flatten() for mask in masks]).float().mean(0)
    magnitudes = weights["w"].abs().flatten()
    assert (kept[magnitudes > 1.5 * threshold] == 1).all()
    assert (kept[magnitudes < ranked[2999 + inside]] == 0).all()
    upper = kept[(magnitudes >= threshold) & (magnitudes <= 1.5 * threshold)]
    lower = kept[(magnitudes < threshold) & (magnitudes >= ranked[2999 + inside])]
    assert 0.5 < upper.mean() < 1
    assert lower.mean().item() == pytest.approx(1 - upper.mean().item(), abs=1e-3)


def test_more_draws_in_the_band_come_nearer_to_the_magnitude_mask():
    weights = {"w": gaussian(64, 64)}
    magnitude = topk_mask({"w": weights["w"].abs()}, 0.8)
    masks = [sample_mask(weights, 0.8, ratio, method="band") for ratio in (1e-3, 0.02, 0.2)]
    distances = [(mask ^ magnitude).kept for mask in masks]
    assert distances == sorted(distances, reverse=True)


def test_samples_from_pruned_weights_are_nested():
    weights = {"w": gaussian(40, 40)}
    parent = topk_mask({"w": weights["w"].abs()}, 0.5)
    parent.apply_(weights)
    for method in ("uniform", "band"):
        child = sample_mask(weights, 0.6, 0.02, method=method)
        assert (child & ~parent).kept == 0
        assert sample_mask(weights, 0.5, 0.02, method=method) == parent
