"""The controls of a pool of masks."""

from math import ceil, floor, log10
from typing import Any

import ipywidgets as widgets

from workbench.analysis import PoolSpec
from workbench.masks import SCOPES

_WIDE = {"description_width": "8em"}


def pool_controls(spec: PoolSpec) -> dict[str, Any]:
    """A labelled slider for each setting of a pool, by its name; their ranges hold `spec`.

    Each has the class `workbench-NAME`.
    """
    controls = {
        "sparsity": _slider(
            widgets.FloatSlider,
            "Sparsity",
            "Share of the weights that is removed",
            **_holding(spec.sparsity, 0.0, 0.995),
            step=0.005,
            readout_format=".3f",
        ),
        "ratio": _slider(
            widgets.FloatLogSlider,
            "Sampling ratio",
            "Draws for each removed weight; the fewer, the more a mask differs from magnitude",
            value=spec.ratio,
            min=min(-6, floor(log10(spec.ratio))),
            max=max(0, ceil(log10(spec.ratio))),
            step=0.1,
            readout_format=".1e",
        ),
        "exponent": _slider(
            widgets.FloatSlider,
            "Exponent",
            "A weight is drawn in proportion to its magnitude to this power",
            **_holding(spec.exponent, 0.0, 20.0),
            step=0.5,
            readout_format=".1f",
        ),
        "candidates": _slider(
            widgets.IntSlider,
            "Candidates",
            "Masks in the pool",
            **_holding(spec.candidates, 2, 16),
        ),
        "scope": _slider(
            widgets.SelectionSlider,
            "Scope",
            "Where the sparsity holds: in each matrix, in each type of matrix, or in all together",
            options=SCOPES,
            value=spec.scope,
        ),
        "seed": _slider(
            widgets.IntSlider,
            "Seed",
            "Of the pool; another seed gives other masks of the same law",
            **_holding(spec.seed, 0, 99),
        ),
    }
    for name, control in controls.items():
        control.add_class(f"workbench-{name}")
    return controls


def _slider(kind: type, description: str, tooltip: str, **settings) -> widgets.Widget:
    return kind(
        description=description,
        tooltip=tooltip,
        style=_WIDE,
        layout=widgets.Layout(width="100%", min_width="0"),
        **settings,
    )


def _holding(value: float, low: float, high: float) -> dict[str, float]:
    """A range that is wide enough for a value."""
    return {"value": value, "min": min(low, value), "max": max(high, value)}
