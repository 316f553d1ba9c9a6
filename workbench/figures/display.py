"""Showing a figure where it is looked at: in a live kernel, or in a report that needs no network."""

import os

import plotly.graph_objects as go
from IPython.display import HTML, display

# Set in the kernels that execute reports. Their page brings plotly's code once for all figures.
REPORT_MODE = "WORKBENCH_REPORT"

# Plotly's tool bar has a button that uploads the figure to a company's server; nothing leaves a report.
CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d"],
}


def show(figure: go.Figure, key: str) -> None:
    """Displays a figure as the output of a notebook cell.

    A live kernel sends the figure's data, which JupyterLab draws. In a report it becomes HTML whose element
    id is `key`, not a random one, so that equal figures give equal bytes.

    Args:
        figure: any figure.
        key: unique in the notebook; a letter, then letters, digits and hyphens.
    """
    if not os.environ.get(REPORT_MODE):
        figure.show(renderer="plotly_mimetype", config=CONFIG)
        return
    display(HTML(figure.to_html(full_html=False, include_plotlyjs=False, div_id=key, config=CONFIG)))
