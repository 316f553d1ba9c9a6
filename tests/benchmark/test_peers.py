"""The alternatives really do the work for which they are timed."""

import numpy as np
import pytest
import torch

from workbench.benchmark import peers
from workbench.randomness import torch_generator

SCORES = {"a": torch.tensor([[5.0, 1.0], [4.0, 2.0]]), "b": torch.tensor([3.0, 6.0])}


@pytest.mark.parametrize("name", ["torch.topk", "torch.kthvalue", "torch.sort", "numpy.argpartition"])
def test_ranking_finds_the_lowest_kept_score(name):
    assert [peers.ranking(SCORES, kept)[name]() for kept in (1, 3, 6)] == [6, 4, 1]


def test_global_unstructured_does_not_change_the_scores():
    before = {name: score.clone() for name, score in SCORES.items()}
    modules = peers.ranking(SCORES, 2)["prune.global_unstructured"]()
    assert [module.weight_mask.tolist() for module in modules] == [[[1, 0], [0, 0]], [0, 1]]
    assert all(torch.equal(SCORES[name], before[name]) for name in SCORES)


def test_weighted_draws_take_likely_weights_more_often_and_impossible_ones_never():
    probabilities = {"w": torch.tensor([0.0, 0.1, 0.45, 0.45])}
    counts = peers.weighted_draws(probabilities, {"w": 1}, {"w": 400})["w"]
    assert counts.sum() == 400
    assert counts[0] == 0
    assert counts[1] < counts[2:].min()


def test_float_overlaps_are_jaccard_indices_per_matrix_and_in_total():
    rng = torch_generator("test")
    bools = [[torch.rand(50, generator=rng) < 0.5 for _ in range(3)] for _ in range(2)]
    tables = peers.float_overlaps(bools)
    assert len(tables) == 3
    whole = [torch.cat(matrices) for matrices in zip(*bools, strict=True)]
    for table, (first, second, _) in zip(tables, [*bools, whole], strict=True):
        assert table[0, 1] == (first & second).sum().item() / (first | second).sum().item()
    ready = [torch.stack(members).float() for members in bools]
    assert np.array_equal(tables, peers.float_overlaps(ready))
