from typing import ClassVar

import pytest

from workbench.errors import BadInput
from workbench.settings import Count, Sparsity, flat, settings, to_plain


@settings
class Inner:
    depth: Count = 2


@settings
class Outer:
    id: ClassVar[str] = "outer"

    sparsity: Sparsity = 0.5
    shares: tuple[float, ...] = (0.1, 0.2)
    inner: Inner = Inner()

    def __post_init__(self):
        if self.sparsity == 0.25:
            raise BadInput("a quarter is not allowed")


def test_nested_data_is_flattened():
    assert flat({"a": {"b": {"c": 1}, "d": 2}, "e": [3]}) == {"a.b.c": 1, "a.d": 2, "e": [3]}
    assert flat({"b": 1}, "a.") == {"a.b": 1}


def test_plain_data_round_trips():
    outer = Outer(shares=[0.3], inner={"depth": "3"})
    assert outer == Outer(shares=(0.3,), inner=Inner(depth=3))
    assert to_plain(outer) == {"id": "outer", "sparsity": 0.5, "shares": [0.3], "inner": {"depth": 3}}
    assert to_plain(outer, changed_only=True) == {"id": "outer", "shares": [0.3], "inner": {"depth": 3}}
    assert to_plain(Outer(), changed_only=True) == {"id": "outer"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sparsity": 1}, "outer: sparsity is 1; it should be less than 1."),
        ({"sparsty": 0.5}, "unknown setting of outer 'sparsty'. Did you mean sparsity"),
        ({"shares": [0.1, "x"]}, "outer: shares is 'x'"),
        ({"inner": {"dept": 1}}, "unknown setting of Inner 'dept'. Did you mean depth?"),
        ({"inner": {"depth": 0}}, "Inner: depth is 0"),
        ({"inner": 3}, "outer: inner is 3"),
        ({"sparsity": 0.25}, "a quarter is not allowed"),
    ],
)
def test_errors_are_one_sentence_that_names_the_value(values, message):
    with pytest.raises(BadInput) as caught:
        Outer(**values)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
