"""Overlap and distance."""

import pandas as pd
import pytest
import torch

from workbench.errors import BadInput
from workbench.masks import Mask, distance_from, overlap


def mask(bits: str) -> Mask:
    return Mask.from_tensors({"w": torch.tensor([bit == "1" for bit in bits])})


A, B, C = mask("1110000000"), mask("0111000000"), mask("0000000011")


def test_overlap_is_the_pairwise_jaccard_index():
    expected = pd.DataFrame([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1.0]])
    pd.testing.assert_frame_equal(overlap([A, B, C]), expected)


def test_overlap_of_a_mapping_is_labelled_by_its_keys():
    table = overlap({"first": A, "second": B})
    assert list(table.index) == list(table.columns) == ["first", "second"]
    assert table.loc["first", "second"] == 0.5


def test_distance_is_the_share_of_kept_weights_that_the_reference_prunes():
    assert distance_from(A, {"same": A, "near": B, "far": C}).to_dict() == {
        "same": 0,
        "near": 1 / 3,
        "far": 1,
    }
    assert list(distance_from(A, [B]).index) == [0]


@pytest.mark.parametrize("compare", [overlap, lambda masks: distance_from(A, masks)])
def test_nothing_to_compare_and_different_models_are_refused(compare):
    for empty in ([], {}):
        with pytest.raises(BadInput, match="no masks"):
            compare(empty)
    with pytest.raises(BadInput, match="different models: 'w'"):
        compare([A, mask("1")])


def test_a_mask_that_keeps_nothing_has_no_distance():
    with pytest.raises(BadInput, match="keeps no weight"):
        distance_from(A, [A & C])
