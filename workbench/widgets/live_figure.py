"""A plotly figure as a widget that is redrawn in place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from anywidget import AnyWidget
from plotly.offline import get_plotlyjs
from traitlets import Dict, TraitType

from workbench.figures import CONFIG


class LiveFigure(AnyWidget):
    """Shows figures one after another in the same place, and reports clicks on their marks.

    All instances on a page share plotly's code, which is sent when the first of them is drawn; each
    instance of plotly's own `FigureWidget` brings these five megabytes again.

    Attributes:
        figure: the current figure as plain data; set by `show`.
    """

    _esm = Path(__file__).with_name("live_figure.js")
    figure: TraitType = Dict().tag(sync=True)

    def __init__(self, figure: go.Figure, clicked: Callable[[str, str], None] | None = None):
        """Shows a figure, and calls `clicked` with the x and y of a clicked mark, as text."""
        super().__init__()
        self._clicked = clicked
        self.show(figure)
        self.on_msg(self._answer)

    def show(self, figure: go.Figure) -> None:
        """Replaces the figure."""
        plain = json.loads(figure.to_json())
        self.figure = {"data": plain["data"], "layout": plain["layout"], "config": CONFIG}

    def _answer(self, _: AnyWidget, content: Any, buffers: list) -> None:
        if content == "plotly":
            self.send("plotly", [get_plotlyjs().encode()])
        elif self._clicked is not None:
            self._clicked(str(content["x"]), str(content["y"]))
