"""Names of tasks, models and engines are text in a figure, never markup."""

import json
import re

import pandas as pd
import pytest

from tests.figures import test_selection
from tests.figures.test_figures import MEANS, OVERLAP, PUBLISHED, RUNS, SHARES
from tests.figures.test_flips import OUTCOMES
from workbench import figures

HOSTILE = "<a href='javascript:alert(1)'>x</a><img src=x onerror=alert(1)>&lt;"
NAMES = {"0": HOSTILE, "imp": HOSTILE, "far": HOSTILE}

ALL = {
    "sparsity": lambda: figures.comparison.metric_by_sparsity(
        RUNS.replace(NAMES), MEANS.replace(NAMES), PUBLISHED[:0]
    ),
    "engines": lambda: figures.layers.engine_heatmap(SHARES.rename(index=NAMES), "layer"),
    "parts": lambda: figures.layers.engine_heatmap(SHARES.rename(columns={"stem": HOSTILE}), "layer"),
    "overlap": lambda: figures.overlap.overlap_heatmap(OVERLAP.rename(index=NAMES, columns=NAMES), "engine"),
    "errors": lambda: figures.flips.error_scatter(OUTCOMES, HOSTILE, "b"),
    "shares": lambda: figures.selection.variance_shares(test_selection.SHARES.replace(NAMES)),
    "correlations": lambda: figures.selection.early_correlations(test_selection.CURVES.replace(NAMES)),
    "gains": lambda: figures.selection.gains(test_selection.GAINS.replace(NAMES), "f1"),
    "line": lambda: figures.connectivity.loss_line(
        pd.DataFrame({"alpha": [0.0, 1.0], "split": "dev", "loss": 1.0, "error": 0.5}), HOSTILE[:20], "b"
    ),
}


def texts_of(part) -> list[str]:
    """The texts of a figure, without our own markup; names of legend groups are never drawn."""
    if isinstance(part, str):
        return [re.sub("<br>|<extra></extra>", "", part)]
    if isinstance(part, dict):
        part = [value for name, value in part.items() if name != "legendgroup"]
    return [text for inner in part for text in texts_of(inner)] if isinstance(part, list | tuple) else []


@pytest.mark.parametrize("name", ALL)
def test_no_name_is_markup(name):
    texts = texts_of(json.loads(ALL[name]().to_json()))
    assert [text for text in texts if "<" in text] == []
    assert any("&lt;a href" in text for text in texts)


@pytest.mark.parametrize("name", ALL)
def test_in_a_page_no_name_ends_the_script(name):
    html = ALL[name]().to_html(full_html=False, include_plotlyjs=False)
    assert "<img" not in html
    assert "<a " not in html
