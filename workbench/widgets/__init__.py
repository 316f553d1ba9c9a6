"""Panels for notebooks: controls beside figures that follow them."""

from workbench.widgets.live_figure import LiveFigure

__all__ = ["LiveFigure"]
