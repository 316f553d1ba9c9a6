"""Differences from a baseline: a panel for each sparsity, the best on top, nonzero ones filled."""

import json

import pandas as pd
import pytest

from tests.figures.test_hostile_names import HOSTILE, texts_of
from workbench import figures

PAIRS = pd.DataFrame(
    [
        ("imp", 0.8, 0.01, -0.01, 0.03),
        ("smp", 0.8, 0.02, -0.01, 0.05),
        ("imp", 0.97, 0.03, 0.01, 0.05),
        ("smp", 0.97, 0.03, 0.0, 0.06),
        ("acdc", 0.97, -0.05, -0.07, -0.02),
        ("gmp", 0.8, 0.04, None, None),
    ],
    columns=["engine", "sparsity", "difference", "low", "high"],
).assign(seeds=2)


@pytest.fixture(scope="module")
def figure():
    return figures.differences.difference_intervals(PAIRS, "magnitude")


def test_every_sparsity_has_its_panel(figure):
    texts = [note.text for note in figure.layout.annotations]
    assert texts == ["sparsity 80 %", "sparsity 97 %", "dev score, minus that of magnitude"]
    lower, higher = figure.data
    assert dict(zip(lower.y, lower.x, strict=True)) == {"imp": 0.01, "smp": 0.02, "gmp": 0.04}
    assert dict(zip(higher.y, higher.x, strict=True)) == {"imp": 0.03, "smp": 0.03, "acdc": -0.05}
    assert len(figure.layout.shapes) == 2  # a line at zero in each


def test_the_best_at_the_highest_sparsity_is_on_top(figure):
    # A tie is decided by the next lower sparsity; engines without a value there are at the bottom.
    assert list(figure.layout.yaxis.categoryarray) == ["gmp", "acdc", "imp", "smp"]


def test_intervals_are_correct_and_marks_are_filled_if_they_exclude_zero(figure):
    marks = figure.data[1]
    assert list(marks.error_x.array) == pytest.approx([0.02, 0.03, 0.03])
    assert list(marks.error_x.arrayminus) == pytest.approx([0.02, 0.03, 0.02])
    assert list(marks.marker.symbol) == ["circle", "circle-open", "circle"]
    assert list(figure.data[0].marker.symbol) == ["circle-open"] * 3


def test_no_name_is_markup():
    pairs = PAIRS.replace({"imp": HOSTILE})
    texts = texts_of(json.loads(figures.differences.difference_intervals(pairs, HOSTILE).to_json()))
    assert [text for text in texts if "<" in text] == []
    assert any("&lt;a href" in text for text in texts)
