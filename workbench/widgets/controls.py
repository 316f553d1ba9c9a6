"""The controls of the mask explorer: sliders for a pool of masks, and the choice of a matrix."""

from collections.abc import Iterable
from math import ceil, floor, log10
from typing import Any

import ipywidgets as widgets

from workbench.analysis.pool import PoolSpec
from workbench.figures.style import matrix_title
from workbench.masks import SCOPES, layer_index, matrix_type

_WIDE = {"description_width": "8em"}
_PATTERNS = ("unstructured", "2:4", "4:8", "1:4", "block:4x4", "block:16x16", "block:32x32", "neuron")


def pool_controls(spec: PoolSpec) -> dict[str, Any]:
    """A labelled slider for each setting of a pool, by name, with a range that includes that of `spec`.

    Each has the CSS class `workbench-NAME`.
    """
    controls = {
        "sparsity": _slider(
            widgets.FloatSlider,
            "Sparsity",
            "Share of the weights that is removed",
            **_including(spec.sparsity, 0.0, 0.995),
            step=0.005,
            readout_format=".3f",
        ),
        "ratio": _slider(
            widgets.FloatLogSlider,
            "Sampling ratio",
            "Draws for each removed weight; with fewer draws, masks differ more from the magnitude mask",
            value=spec.ratio,
            min=min(-6, floor(log10(spec.ratio))),
            max=max(0, ceil(log10(spec.ratio))),
            step=0.1,
            readout_format=".1e",
        ),
        "exponent": _slider(
            widgets.FloatSlider,
            "Exponent",
            "The probability of drawing a weight is proportional to its magnitude to this power",
            **_including(spec.exponent, 0.0, 20.0),
            step=0.5,
            readout_format=".1f",
        ),
        "candidates": _slider(
            widgets.IntSlider,
            "Candidates",
            "Number of masks in the pool",
            **_including(spec.candidates, 2, 16),
        ),
        **_choices(spec),
        "seed": _slider(
            widgets.IntSlider,
            "Seed",
            "Seed of the pool; another seed gives other masks with the same distribution",
            **_including(spec.seed, 0, 99),
        ),
    }
    for name, control in controls.items():
        control.add_class(f"workbench-{name}")
    return controls


def _choices(spec: PoolSpec) -> dict[str, Any]:
    return {
        "scope": _slider(
            widgets.SelectionSlider,
            "Scope",
            "What the sparsity applies to: each matrix, each type of matrix, or all matrices together",
            options=SCOPES,
            value=spec.scope,
        ),
        "pattern": _slider(
            widgets.Dropdown,
            "Pattern",
            "How the kept weights are arranged: anywhere, n of every m along the input, in blocks or in rows",
            options=list(dict.fromkeys([*_PATTERNS, spec.pattern])),
            value=spec.pattern,
        ),
    }


class MatrixChoice(widgets.Dropdown):
    """Chooses a matrix of a model, from a list or by its position in a heat map."""

    def __init__(self):
        super().__init__(description="Matrix", tooltip="The matrix to show")
        self._by_position: dict[tuple[str, str], str] = {}

    def offer(self, names: Iterable[str]) -> None:
        """Lists the matrices of a model and selects the first."""
        names = list(names)
        self._by_position = {_position(name): name for name in names}
        self.options = [(_label(*_position(name)), name) for name in names]
        self.value = names[0]

    def select(self, kind: str, layer: str) -> None:
        """Selects the matrix in a column and row of a heat map, if there is one."""
        self.value = self._by_position.get((kind, layer), self.value)


def _position(name: str) -> tuple[str, str]:
    """Column and row in heat maps."""
    layer = layer_index(name)
    return matrix_title(matrix_type(name)), "stem" if layer is None else str(layer)


def _label(kind: str, layer: str) -> str:
    return f"{kind}, {'stem' if layer == 'stem' else f'layer {layer}'}"


def _slider(kind: type, description: str, tooltip: str, **settings) -> widgets.Widget:
    return kind(
        description=description,
        tooltip=tooltip,
        style=_WIDE,
        layout=widgets.Layout(width="100%", min_width="0"),
        **settings,
    )


def _including(value: float, low: float, high: float) -> dict[str, float]:
    """A value, and a range that includes it."""
    return {"value": value, "min": min(low, value), "max": max(high, value)}
