"""The mask as a value: packing, operators, equality, application."""

import dataclasses
import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.errors import BadInput
from workbench.masks import Mask

BOOLS = hnp.arrays(bool, hnp.array_shapes(max_dims=3, max_side=11))


def mask(**arrays) -> Mask:
    return Mask.from_tensors({name: torch.tensor(array, dtype=torch.bool) for name, array in arrays.items()})


@given(BOOLS)
def test_packing_round_trips_for_any_shape(array):
    packed = mask(w=array)
    assert packed["w"].dtype == torch.bool
    assert np.array_equal(packed["w"].numpy(), array)
    assert packed.kept == array.sum()
    assert packed.numel == array.size


def test_strided_tensors_are_packed_in_c_order():
    tensor = torch.arange(15).reshape(3, 5).T > 6
    assert torch.equal(Mask.from_tensors({"w": tensor})["w"], tensor)


@given(BOOLS, st.randoms(use_true_random=False))
def test_operators_equal_those_of_boolean_arrays(left, random):
    right = np.array([random.random() < 0.5 for _ in range(left.size)]).reshape(left.shape)
    a, b = mask(w=left), mask(w=right)
    for result, expected in [
        (a & b, left & right),
        (a | b, left | right),
        (a ^ b, left ^ right),
        (~a, ~left),
    ]:
        assert np.array_equal(result["w"].numpy(), expected)
        assert result.kept == expected.sum()
        assert result == mask(w=expected)
    assert a.hamming(b) == (left != right).sum()
    either = (left | right).sum()
    assert a.jaccard(b) == ((left & right).sum() / either if either else 1.0)


def test_counts_are_exact_per_matrix():
    m = mask(b=[[1, 0, 0], [0, 0, 1]], a=[1] * 9)
    assert m.names == ("b", "a")
    assert m.shapes == {"b": (2, 3), "a": (9,)}
    assert (m.numel, m.kept, m.sparsity) == (15, 11, 4 / 15)
    assert m.kept_per_matrix() == {"b": 2, "a": 9}
    sparsity = m.layer_sparsity()
    assert sparsity.to_dict() == {"b": 4 / 6, "a": 0.0}
    assert sparsity.index.name == "matrix"


def test_equality_ignores_the_order_of_names():
    first, second = mask(a=[1, 0], b=[0, 1]), mask(b=[0, 1], a=[1, 0])
    assert first == second
    assert hash(first) == hash(second)
    assert len({first, second, ~first}) == 2


@pytest.mark.parametrize(
    "other",
    [{"a": [1, 0], "c": [0, 1]}, {"a": [[1, 0]], "b": [0, 1]}, {"a": [1, 1], "b": [0, 1]}, {"a": [1, 0]}],
)
def test_equality_depends_on_name_shape_and_bits(other):
    assert mask(a=[1, 0], b=[0, 1]) != mask(**other)


def test_the_digest_is_pinned_and_matches_the_format_page():
    m = mask(b=[[1, 0, 0], [0, 0, 1]], a=[1] * 9)
    assert m.digest == "05ecb3d42d7681be64bc6e170fd8e0e7bf83eb8abb1405ec8282752aa994e0c8"
    content = b"1:a(9,)" + bytes([255, 128]) + b"1:b(2, 3)" + bytes([132])
    assert m.digest == hashlib.blake2b(content, digest_size=32).hexdigest()


def test_a_mask_is_immutable():
    m = mask(w=[1, 0, 1])
    with pytest.raises(dataclasses.FrozenInstanceError):
        m._matrices = {}
    m["w"].fill_(False)
    assert m.kept == 2
    with pytest.raises(ValueError, match="read-only"):
        m._matrices["w"].bits[0] = 0


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({}, "at least one matrix"),
        ({"w": torch.ones(3)}, "'w' is torch.float32"),
        ({"w": torch.ones(3, dtype=torch.uint8)}, "'w' is torch.uint8"),
        ({"w": np.ones(3, dtype=bool)}, "'w' is ndarray"),
        ({"w": torch.ones(0, 3, dtype=torch.bool)}, r"'w' has shape \(0, 3\)"),
        ({"": torch.ones(3, dtype=torch.bool)}, "'' cannot name a matrix"),
        ({"__metadata__": torch.ones(3, dtype=torch.bool)}, "'__metadata__' cannot name a matrix"),
    ],
)
def test_unusable_tensors_are_rejected(tensors, message):
    with pytest.raises(BadInput, match=message):
        Mask.from_tensors(tensors)


def test_an_unknown_matrix_is_named_with_the_closest_name():
    with pytest.raises(BadInput, match=r"Did you mean layer\.0\.query"):
        mask(**{"layer.0.query": [1]})["layer.0.qery"]


def test_masks_of_different_models_cannot_be_combined():
    left, right, third = mask(a=[1], b=[1, 0]), mask(a=[1], b=[[1, 0]]), mask(a=[1], b=[1, 0], c=[1])
    for operation in (Mask.__and__, Mask.__or__, Mask.__xor__, Mask.hamming, Mask.jaccard):
        with pytest.raises(BadInput, match=r"'b' is \(2,\) in the first and \(1, 2\) in the second"):
            operation(left, right)
        with pytest.raises(BadInput, match=r"'c' is missing in the first and \(1,\) in the second"):
            operation(left, third)
    with pytest.raises(TypeError):
        left & 1


def test_apply_zeroes_the_pruned_weights_of_a_module_in_place():
    layer = torch.nn.Linear(3, 2)
    before = layer.weight.detach().clone()
    mask(weight=[[1, 0, 0], [0, 0, 1]]).apply_(layer)
    assert torch.equal(layer.weight != 0, torch.tensor([[True, False, False], [False, False, True]]))
    assert layer.weight[0, 0] == before[0, 0]
    assert layer.weight.requires_grad


def test_apply_zeroes_even_nan_and_negative_weights():
    weights = {"w": torch.tensor([float("nan"), -1.0, 2.0]), "other": torch.ones(2)}
    mask(w=[0, 0, 1]).apply_(weights)
    assert weights["w"].tolist() == [0.0, 0.0, 2.0]
    assert not weights["w"].signbit().any()
    assert weights["other"].tolist() == [1.0, 1.0]


def test_apply_accepts_tied_parameters_by_any_name():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    model[1].weight = model[0].weight
    mask(**{"1.weight": [[0, 1], [1, 1]]}).apply_(model)
    assert model[0].weight[0, 0] == 0


@pytest.mark.parametrize("name", ["bias", "missing"])
def test_apply_rejects_another_model_before_changing_it(name):
    layer = torch.nn.Linear(3, 2)
    with pytest.raises(BadInput, match=f"a mask of another model.*'{name}'"):
        mask(**{"weight": [[0, 0, 0], [0, 0, 0]], name: [1, 1, 1]}).apply_(layer)
    assert layer.weight.count_nonzero() == 6
