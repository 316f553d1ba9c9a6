"""Overlap and distance, compared to counts on unpacked masks."""

from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.masks.pools import pools
from workbench.errors import BadInput
from workbench.masks import Mask, compare, distance_from, diversity, overlap


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


def test_masks_that_keep_nothing_are_equal():
    nothing = A & C
    assert overlap([nothing, nothing, A]).to_numpy().tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


@settings(deadline=None)  # the first example compiles
@given(pool=pools())
def test_all_pairs_are_counted_per_matrix_and_in_total(pool):
    masks = [Mask.from_tensors(tensors) for tensors in pool]
    compared = compare(masks)
    for matrix in (*pool[0], None):
        chosen = pool[0] if matrix is None else [matrix]
        flat = np.stack([np.concatenate([m[name].numpy().ravel() for name in chosen]) for m in masks])
        for i in range(len(masks)):
            for j in range(len(masks)):
                both, either = (flat[i] & flat[j]).sum(), (flat[i] | flat[j]).sum()
                assert compared.jaccard(matrix).loc[i, j] == (both / either if either else 1)
                assert compared.hamming(matrix).loc[i, j] == (flat[i] ^ flat[j]).sum()
    assert compared.numel == {name: tensor.numel() for name, tensor in pool[0].items()}
    with patch.object(diversity, "_FEW_BITS", 0):
        many = compare(masks)
    assert many.common.keys() == compared.common.keys()
    assert all(np.array_equal(table, compared.common[name]) for name, table in many.common.items())


@settings(deadline=None)  # the first example compiles
@given(pool=pools(), order=st.randoms(use_true_random=False))
def test_the_order_of_the_matrices_in_a_mask_does_not_matter(pool, order):
    shuffled = []
    for tensors in pool:
        names = list(tensors)
        order.shuffle(names)
        shuffled.append(Mask.from_tensors({name: tensors[name] for name in names}))
    first, second = compare([Mask.from_tensors(tensors) for tensors in pool]), compare(shuffled)
    pd.testing.assert_frame_equal(first.hamming(), second.hamming())


def test_distance_is_the_share_of_kept_weights_that_the_reference_prunes():
    assert distance_from(A, {"same": A, "near": B, "far": C}).to_dict() == {
        "same": 0,
        "near": 1 / 3,
        "far": 1,
    }
    assert list(distance_from(A, [B]).index) == [0]


@pytest.mark.parametrize("compare", [overlap, lambda masks: distance_from(A, masks)])
def test_empty_pools_and_different_models_are_rejected(compare):
    for empty in ([], {}):
        with pytest.raises(BadInput, match="no masks"):
            compare(empty)
    with pytest.raises(BadInput, match="different models: 'w'"):
        compare([A, mask("1")])
    with pytest.raises(BadInput, match="mask 1 is a Tensor"):
        compare([A, torch.ones(10)])


def test_the_first_difference_between_models_and_both_masks_are_named():
    other = Mask.from_tensors({"w": torch.ones(10, dtype=torch.bool), "v": torch.ones(2, dtype=torch.bool)})
    message = r"'v' is missing in mask 'a' and \(2,\) in mask 'c'"
    with pytest.raises(BadInput, match=message):
        compare({"a": A, "b": B, "c": other})


def test_an_unknown_matrix_is_rejected():
    with pytest.raises(BadInput, match="'v'"):
        compare([A, B]).jaccard("v")


def test_a_mask_that_keeps_nothing_has_no_distance():
    with pytest.raises(BadInput, match="keeps no weight"):
        distance_from(A, [A & C])
