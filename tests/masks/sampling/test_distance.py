"""Masks of a given distance from the magnitude mask."""

import pytest
import torch

from workbench.errors import BadInput
from workbench.masks import Law, MagnitudeHistograms, distance_from, laws_at_distance, sample_mask, topk_mask


def gaussian(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def measured(weights, sparsity, laws, masks=1, scope="matrix", method="counts"):
    reference = topk_mask({name: weight.abs() for name, weight in weights.items()}, sparsity, scope)
    sampled = [
        sample_mask(weights, sparsity, scope=scope, seed=i, laws=laws, method=method) for i in range(masks)
    ]
    return distance_from(reference, sampled).mean()


@pytest.mark.parametrize("distance", [0.01, 0.03, 0.1, 0.3])
@pytest.mark.parametrize(("shape", "masks"), [((250, 400), 8), ((2500, 4000), 1)], ids=["1e5", "1e7"])
def test_masks_of_any_size_are_as_far_from_the_magnitude_mask_as_asked(shape, masks, distance):
    weights = {"w": gaussian(*shape)}
    laws = laws_at_distance(weights, 0.5, distance)
    assert measured(weights, 0.5, laws, masks) == pytest.approx(distance, rel=0.05)


@pytest.mark.parametrize("scope", ["matrix", "type", "global"])
def test_matrices_of_different_sizes_are_equally_random(scope):
    weights = {
        "layer.0.query.weight": gaussian(200, 200),
        "layer.0.dense.weight": 3 * gaussian(400, 1000, seed=1),
    }
    laws = laws_at_distance(weights, 0.8, 0.05, scope=scope)
    assert measured(weights, 0.8, laws, 4, scope) == pytest.approx(0.05, rel=0.05)
    if scope == "matrix":
        for name, weight in weights.items():
            assert measured({name: weight}, 0.8, laws, 4) == pytest.approx(0.05, rel=0.08)


def test_pruned_weights_stay_pruned_and_the_distance_is_that_of_the_rest():
    weights = {"w": gaussian(300, 400)}
    topk_mask({"w": weights["w"].abs()}, 0.6).apply_(weights)
    laws = laws_at_distance(weights, 0.8, 0.1)
    mask = sample_mask(weights, 0.8, laws=laws)
    assert (weights["w"][mask["w"]] != 0).all()
    assert measured(weights, 0.8, laws, 4) == pytest.approx(0.1, rel=0.05)


def test_the_literal_draws_agree():
    weights = {"w": gaussian(200, 200)}
    laws = laws_at_distance(weights, 0.7, 0.1)
    assert measured(weights, 0.7, laws, 4, method="draws") == pytest.approx(0.1, rel=0.08)


def test_the_exponent_is_lowered_only_as_far_as_whole_draws_ask():
    weights = {"w": gaussian(300, 400)}
    (law,) = laws_at_distance(weights, 0.9, 0.04).values()
    assert law.draws > 50
    assert 4.9 < law.exponent <= 5
    exactly = laws_at_distance(weights, 0.9, MagnitudeHistograms.of(weights).expect(0.9, ratio=3e-4).distance)
    assert exactly["w"].draws in (32, 33)  # 3e-4 * 108,000, up to the width of a bin


@pytest.mark.parametrize(
    ("distance", "message"),
    [
        (0.0, "not in \\(0, 1\\)\\. For example, 0.03 moves 3 %"),
        (0.6, "distance 0.6 is not below 0.5, that of a uniform draw"),
        (1e-4, "needs more than 131072 draws"),
    ],
)
def test_distances_out_of_reach_are_refused(distance, message):
    with pytest.raises(BadInput, match=message):
        laws_at_distance({"w": gaussian(100, 100)}, 0.5, distance)


def test_laws_are_only_for_samplers_that_draw():
    with pytest.raises(
        BadInput, match="laws are only for the methods counts and draws, but the method is uniform"
    ):
        sample_mask({"w": gaussian(10, 10)}, 0.5, method="uniform", laws={"w": Law(1, 5.0)})
