"""What a run is: its description, its folder, and what can be read from it. Nothing here trains."""

from workbench.runs.layout import RunFolder, Store
from workbench.runs.progress import Follower, Progress
from workbench.runs.races import drop, dropped
from workbench.runs.run import CandidateResult, Run, dev_name
from workbench.runs.spec import FineTuning, RunSpec
from workbench.runs.states import kept_stages, stage_weights
from workbench.runs.store import (
    COMPLETE,
    EXPORTED,
    INCOMPLETE,
    default_store,
    find_run,
    is_run,
    named_runs,
    newest_complete,
    runs_in,
    status,
)

__all__ = [
    "COMPLETE",
    "EXPORTED",
    "INCOMPLETE",
    "CandidateResult",
    "FineTuning",
    "Follower",
    "Progress",
    "Run",
    "RunFolder",
    "RunSpec",
    "Store",
    "default_store",
    "dev_name",
    "drop",
    "dropped",
    "find_run",
    "is_run",
    "kept_stages",
    "named_runs",
    "newest_complete",
    "runs_in",
    "stage_weights",
    "status",
]
