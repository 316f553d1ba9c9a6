"""Showing a figure in a live kernel, or in a report that needs no network."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import plotly.graph_objects as go
from IPython.display import HTML, display

# Set in the kernels that execute reports, whose page includes plotly's code once for all figures.
REPORT_MODE = "WORKBENCH_REPORT"

# Plotly's toolbar has a button that uploads the figure to a company's server; a report sends nothing.
CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d"],
}

_prefix: ContextVar[str] = ContextVar("prefix", default="")


def show(figure: go.Figure, key: str) -> None:
    """Displays a figure as the output of a notebook cell.

    In a live kernel JupyterLab draws the figure from its data. In a report it becomes HTML whose element id
    is `key` instead of a random one, so that equal figures give equal bytes.

    Args:
        figure: any figure.
        key: unique in the notebook; a letter, then letters, digits and hyphens.
    """
    if not os.environ.get(REPORT_MODE):
        figure.show(renderer="plotly_mimetype", config=CONFIG)
        return
    id = f"{_prefix.get()}{key}"
    display(HTML(figure.to_html(full_html=False, include_plotlyjs=False, div_id=id, config=CONFIG)))


@contextmanager
def key_prefix(prefix: str) -> Iterator[None]:
    """Prepends a prefix to the keys of all figures shown inside, so that they differ from those outside."""
    token = _prefix.set(prefix)
    try:
        yield
    finally:
        _prefix.reset(token)
