"""Panels for notebooks: controls, and figures that they update."""

from workbench.widgets.chooser import Chooser
from workbench.widgets.explorer import MaskExplorer
from workbench.widgets.job_watch import JobWatch
from workbench.widgets.live_figure import LiveFigure
from workbench.widgets.race_form import RaceForm
from workbench.widgets.race_view import RaceView
from workbench.widgets.run_table import RunTable

__all__ = [
    "Chooser",
    "JobWatch",
    "LiveFigure",
    "MaskExplorer",
    "RaceForm",
    "RaceView",
    "RunTable",
]
