"""Layers, types and groups from parameter names."""

import pytest

from workbench.errors import BadInput
from workbench.masks import layer_index, matrix_type
from workbench.masks.grouping import groups


@pytest.mark.parametrize(
    ("name", "layer", "kind"),
    [
        ("bert.encoder.layer.3.attention.self.query.weight", 3, "attention.self.query"),
        ("encoder.layer.11.output.dense.weight", 11, "output.dense"),
        ("blocks.0.mlp.2.weight", 0, "mlp.2"),
        ("layer.0.query", 0, "query"),
        ("classifier.weight", None, "classifier"),
        ("0.weight", 0, "0"),
        ("weight", None, "weight"),
    ],
)
def test_names_give_layer_and_type(name, layer, kind):
    assert layer_index(name) == layer
    assert matrix_type(name) == kind


def test_groups_keep_the_order_of_names():
    names = ["l.0.q.weight", "l.0.k.weight", "l.1.q.weight"]
    assert list(groups(names, "matrix").values()) == [[name] for name in names]
    assert groups(names, "type") == {"q": ["l.0.q.weight", "l.1.q.weight"], "k": ["l.0.k.weight"]}
    assert list(groups(names, "global").values()) == [names]


def test_an_unknown_scope_is_rejected():
    with pytest.raises(BadInput, match=r"unknown scope 'globl'. Did you mean global"):
        groups(["w"], "globl")
