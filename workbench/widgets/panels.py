"""The panels of the mask explorer, each a figure from the tables of a pool, and the tabs that hold them."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import ipywidgets as widgets
import plotly.graph_objects as go
from torch import Tensor

from workbench import analysis, figures
from workbench.analysis.expected_pool import ExpectedPool
from workbench.analysis.pool import SampledPool
from workbench.masks.patterns import as_matrix
from workbench.widgets.live_figure import LiveFigure

# Side by side where there is room, otherwise one below the other.
_COLUMNS = {
    "grid_template_columns": "repeat(auto-fit, minmax(min(100%, 30em), 1fr))",
    "grid_gap": "1em",
}


@dataclass(frozen=True)
class View:
    """What the panels show.

    Attributes:
        expected: expected values of the pool; None if there are none.
        sampled: the pool; None until it is sampled.
        matrix: the selected matrix.
        weights: all matrices, by name.
    """

    expected: ExpectedPool | None
    sampled: SampledPool | None
    matrix: str
    weights: dict[str, Tensor]

    @property
    def pool(self) -> ExpectedPool | SampledPool | None:
        """The sampled pool if there is one, otherwise the expected one; None if there is neither."""
        return self.sampled or self.expected


@dataclass(frozen=True)
class Panel:
    """A figure with a title and a caption.

    Attributes:
        key: unique; also the key of the static figure.
        draw: makes the figure.
        of_matrix: whether it shows the selected matrix.
        selects: whether a click on it selects a matrix.
    """

    key: str
    title: str
    caption: str
    draw: Callable[[View], go.Figure]
    of_matrix: bool = False
    selects: bool = False


def _layers(view: View) -> go.Figure:
    return figures.layers.layer_heatmap(analysis.layers.by_layer(view.pool.sparsity()))


def _magnitudes(view: View) -> go.Figure:
    if expected := view.expected:
        table, threshold = expected.magnitudes(view.matrix), expected.threshold(view.matrix)
    else:
        table, threshold = view.sampled.magnitudes(view.matrix, view.weights[view.matrix]), 0.0
    return figures.magnitudes.magnitude_histogram(table, threshold)


def _overlap(view: View) -> go.Figure:
    return figures.overlap.overlap_heatmap(view.pool.overlap(), "mask")


def _distance(view: View) -> go.Figure:
    expected = view.expected.distance if view.expected else None
    return figures.pool.distance_from_magnitude(view.pool.table(), expected)


def _map(view: View) -> go.Figure:
    places = analysis.overlap.mask_map(view.pool.overlap())
    return figures.overlap.mask_map(places, sampled=view.sampled is not None)


def _growth(view: View) -> go.Figure:
    expected, sampled = (pool.growth() if pool else None for pool in (view.expected, view.sampled))
    numel = sum(weight.numel() for weight in view.weights.values())
    return figures.pool.pool_growth(expected, sampled, numel)


def _disagreement(view: View) -> go.Figure:
    return figures.pool.disagreement_by_layer(analysis.layers.by_layer(view.pool.disagreement()))


def _cells(view: View) -> go.Figure:
    shape = as_matrix(tuple(view.weights[view.matrix].shape))
    return figures.pool.disagreement_cells(view.pool.cells(view.matrix), shape)


TABS: dict[str, tuple[Panel, Panel]] = {
    "Weights": (
        Panel(
            "layers",
            "What a mask removes",
            "Share of each matrix.",
            _layers,
            selects=True,
        ),
        Panel(
            "magnitudes",
            "Where sampling differs from magnitude",
            "Weights in the shaded band are kept or removed at random; outside it, all masks agree.",
            _magnitudes,
            of_matrix=True,
        ),
    ),
    "Pool": (
        Panel(
            "overlap",
            "What masks have in common",
            "Jaccard index: weights that both masks keep, divided by weights that either keeps.",
            _overlap,
        ),
        Panel(
            "distance",
            "How far masks are from the magnitude mask",
            "Share of a mask's weights that the magnitude mask removes.",
            _distance,
        ),
    ),
    "Map": (
        Panel(
            "map",
            "The masks on a map",
            "Masks that are close together have much in common. Two dimensions cannot show every distance.",
            _map,
        ),
        Panel(
            "growth",
            "What the pool covers as it grows",
            "Weights that at least one mask keeps, and weights that all masks keep.",
            _growth,
        ),
    ),
    "Disagreement": (
        Panel(
            "disagreement",
            "Where two masks differ",
            "Share of each matrix's weights.",
            _disagreement,
            selects=True,
        ),
        Panel(
            "cells",
            "Inside the matrix",
            "The same share in cells of the matrix. Light stripes are rows or columns on which masks agree.",
            _cells,
            of_matrix=True,
        ),
    ),
}
PANELS = tuple(panel for panels in TABS.values() for panel in panels)


class PanelTabs(widgets.Tab):
    """The panels, two in each tab. A panel's figure is redrawn in place.

    Args:
        select: called with the column and row of a heat map's cell when it is clicked.

    Attributes:
        live: the figures drawn so far, by the key of their panel.
    """

    def __init__(self, select: Callable[[str, str], None]):
        self.live: dict[str, LiveFigure] = {}
        self._select = select
        self._frames = {panel.key: widgets.VBox() for panel in PANELS}
        tabs = [widgets.GridBox(list(map(self._framed, panels)), layout=_COLUMNS) for panels in TABS.values()]
        super().__init__(tabs, titles=list(TABS))

    def draw(self, view: View, of_matrix_only: bool = False) -> None:
        """Draws the panels of the visible tab, or only those that show the selected matrix."""
        for panel in list(TABS.values())[self.selected_index or 0]:
            if panel.of_matrix or not of_matrix_only:
                self._draw_panel(panel, panel.draw(view))

    def _draw_panel(self, panel: Panel, figure: go.Figure) -> None:
        if panel.key in self.live:
            self.live[panel.key].show(figure)
            return
        self.live[panel.key] = LiveFigure(figure, self._select if panel.selects else None)
        self._frames[panel.key].children = (self.live[panel.key],)

    def _framed(self, panel: Panel) -> widgets.VBox:
        hint = " Click on a matrix to select it." if panel.selects else ""
        text = widgets.HTML(f"<b>{escape(panel.title)}</b><br>{escape(panel.caption)}{hint}")
        frame = widgets.VBox([text, self._frames[panel.key]], layout={"min_width": "0", "overflow": "hidden"})
        frame.add_class(f"workbench-panel-{panel.key}")
        return frame
