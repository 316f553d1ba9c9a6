"""The controls of a pool of masks."""

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
        "sparsity": widgets.FloatSlider(
            value=spec.sparsity,
            max=max(0.995, spec.sparsity),
            step=0.005,
            readout_format=".3f",
            description="Sparsity",
            tooltip="Share of the weights that is removed",
        ),
        "ratio": widgets.FloatLogSlider(
            value=spec.ratio,
            min=-6,
            max=0,
            step=0.1,
            readout_format=".1e",
            description="Sampling ratio",
            tooltip="Draws for each removed weight; the fewer, the more a mask differs from magnitude",
        ),
        "exponent": widgets.FloatSlider(
            value=spec.exponent,
            max=max(20.0, spec.exponent),
            step=0.5,
            readout_format=".1f",
            description="Exponent",
            tooltip="A weight is drawn in proportion to its magnitude to this power",
        ),
        "candidates": widgets.IntSlider(
            value=spec.candidates,
            min=2,
            max=max(16, spec.candidates),
            description="Candidates",
            tooltip="Masks in the pool",
        ),
        "scope": widgets.SelectionSlider(
            options=SCOPES,
            value=spec.scope,
            description="Scope",
            tooltip="Where the sparsity holds: in each matrix, in each type of matrix, or in all together",
        ),
        "seed": widgets.IntSlider(
            value=spec.seed,
            min=min(0, spec.seed),
            max=max(99, spec.seed),
            description="Seed",
            tooltip="Of the pool; another seed gives other masks of the same law",
        ),
    }
    for name, control in controls.items():
        control.style = _WIDE
        control.layout = widgets.Layout(width="100%", min_width="0")
        control.add_class(f"workbench-{name}")
    return controls
