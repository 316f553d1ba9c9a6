"""Masks that keep n of every m weights."""

import pytest
import torch

from workbench.errors import BadInput
from workbench.masks import nm_mask


def test_two_of_four_keeps_the_best_of_each_block_and_the_lower_index_among_equals():
    scores = torch.tensor(
        [[1.0, 4.0, 2.0, 3.0, 0.0, 0.0, -0.0, 0.0], [5.0, 5.0, 5.0, 9.0, -1.0, -2.0, -3.0, -4.0]]
    )
    assert nm_mask({"w": scores}, 2, 4)["w"].int().tolist() == [
        [0, 1, 0, 1, 1, 1, 0, 0],
        [1, 0, 0, 1, 1, 1, 0, 0],
    ]


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 2), (2, 4), (3, 8), (4, 4)])
def test_every_block_keeps_exactly_n(n, m):
    scores = torch.randn(5, 2 * m, generator=torch.Generator().manual_seed(2)).bfloat16()
    mask = nm_mask({"w": scores}, n, m)
    assert (mask["w"].reshape(-1, m).sum(1) == n).all()
    assert mask.kept == 10 * n
    if n < m:
        blocks, kept = scores.reshape(-1, m), mask["w"].reshape(-1, m)
        lowest_kept = blocks.masked_fill(~kept, float("inf")).amin(1)
        assert (lowest_kept >= blocks.masked_fill(kept, -float("inf")).amax(1)).all()


@pytest.mark.parametrize(("n", "m"), [(0, 4), (5, 4), (-1, 4), (2.0, 4), (True, 4), (1, 0)])
def test_impossible_patterns_are_rejected(n, m):
    with pytest.raises(BadInput, match="N:M pattern"):
        nm_mask({"w": torch.rand(4, 4)}, n, m)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (
            {"ok": torch.rand(2, 8), "bad": torch.rand(8, 6)},
            r"'bad' has shape \(8, 6\), whose last dimension is not a multiple of 4",
        ),
        ({"bad": torch.tensor(1.0)}, "'bad' has shape"),
        ({"bad": torch.full((2, 4), float("nan"))}, "8 of 8 values of 'bad'"),
        ({"bad": torch.ones(2, 4, dtype=torch.int32)}, "'bad' is torch.int32"),
        ({}, "at least one matrix"),
    ],
)
def test_unusable_scores_are_rejected_by_name(scores, message):
    with pytest.raises(BadInput, match=message):
        nm_mask(scores, 2, 4)
