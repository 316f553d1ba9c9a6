"""What the mask explorer shows: each panel a figure out of the tables of a pool."""

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go

from workbench import analysis, figures
from workbench.analysis import ExpectedPool, SampledPool


@dataclass(frozen=True)
class View:
    """What is looked at.

    Attributes:
        expected: what to expect of the pool.
        sampled: the pool; None until it is sampled.
        matrix: the matrix that is looked into.
        shapes: of all matrices, by name.
    """

    expected: ExpectedPool
    sampled: SampledPool | None
    matrix: str
    shapes: dict[str, tuple[int, ...]]

    @property
    def pool(self) -> ExpectedPool | SampledPool:
        """The truth where it is known, and what to expect of it before."""
        return self.sampled or self.expected


@dataclass(frozen=True)
class Panel:
    """A figure with its title and a sentence on how to read it.

    Attributes:
        key: unique; also the key of the static figure.
        draw: makes the figure.
        of_matrix: whether it shows the chosen matrix.
        chooses: whether a click on it chooses a matrix.
    """

    key: str
    title: str
    caption: str
    draw: Callable[[View], go.Figure]
    of_matrix: bool = False
    chooses: bool = False


def _layers(view: View) -> go.Figure:
    return figures.layer_heatmap(analysis.by_layer(view.pool.sparsity()))


def _magnitudes(view: View) -> go.Figure:
    expected = view.expected
    return figures.magnitude_histogram(expected.magnitudes(view.matrix), expected.threshold(view.matrix))


def _overlap(view: View) -> go.Figure:
    return figures.overlap_heatmap(view.pool.overlap(), "mask")


def _distance(view: View) -> go.Figure:
    return figures.distance_from_magnitude(view.pool.table(), view.expected.distance)


def _map(view: View) -> go.Figure:
    return figures.mask_map(analysis.mask_map(view.pool.overlap()), sampled=view.sampled is not None)


def _growth(view: View) -> go.Figure:
    sampled = view.sampled.growth() if view.sampled else None
    numel = sum(rows * columns for rows, columns in map(_as_matrix, view.shapes.values()))
    return figures.pool_growth(view.expected.growth(), sampled, numel)


def _disagreement(view: View) -> go.Figure:
    return figures.disagreement_by_layer(analysis.by_layer(view.pool.disagreement()))


def _cells(view: View) -> go.Figure:
    shape = _as_matrix(view.shapes[view.matrix])
    return figures.disagreement_cells(view.pool.cells(view.matrix), shape)


def _as_matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns in which `masks.disagreement` sees a tensor."""
    rows = shape[0] if len(shape) > 1 else 1
    numel = 1
    for length in shape:
        numel *= length
    return rows, numel // rows


TABS: dict[str, tuple[Panel, Panel]] = {
    "Weights": (
        Panel(
            "layers",
            "What a mask removes",
            "Share of each matrix.",
            _layers,
            chooses=True,
        ),
        Panel(
            "magnitudes",
            "Where sampling differs from magnitude",
            "Weights in the shaded band are kept or removed by lot; outside it all masks agree.",
            _magnitudes,
            of_matrix=True,
        ),
    ),
    "Pool": (
        Panel(
            "overlap",
            "What masks have in common",
            "Jaccard index: weights that both keep, over weights that either keeps.",
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
            "Near masks have much in common. Two dimensions cannot show all distances among many masks.",
            _map,
        ),
        Panel(
            "growth",
            "What the pool covers as it grows",
            "Weights that any mask keeps, and weights that all masks keep.",
            _growth,
        ),
    ),
    "Disagreement": (
        Panel(
            "disagreement",
            "Where two masks differ",
            "Share of each matrix's weights.",
            _disagreement,
            chooses=True,
        ),
        Panel(
            "cells",
            "Inside the matrix",
            "The same share in cells of the matrix: light stripes are rows or columns on which masks agree.",
            _cells,
            of_matrix=True,
        ),
    ),
}
PANELS = tuple(panel for panels in TABS.values() for panel in panels)
