"""Reports: a run, or several, as one HTML file that needs only a browser."""

from workbench.process import imported_when_used

_HOMES = {
    "open_run": "choice",
    "open_runs": "choice",
    "render": "rendering",
    "report_section": "sections",
}

__all__ = list(_HOMES)

__getattr__, __dir__ = imported_when_used(__name__, _HOMES)
