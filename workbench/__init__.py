"""A workbench for pruning research on transformer encoders."""

from workbench.engines import Engine
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.engines.randomized import Randomized
from workbench.errors import BadInput, Stopped, WorkbenchError
from workbench.masks import Mask, nm_mask, overlap, sample_mask, topk_mask
from workbench.runs import FineTuning, Run, RunSpec, prune, runs_in
from workbench.schedules import cubic_ladder
from workbench.tasks import load_task
from workbench.training import Distillation

__all__ = [
    "IMP",
    "BadInput",
    "Distillation",
    "Engine",
    "FineTuning",
    "Magnitude",
    "Mask",
    "Randomized",
    "Run",
    "RunSpec",
    "Stopped",
    "WorkbenchError",
    "cubic_ladder",
    "load_task",
    "nm_mask",
    "overlap",
    "prune",
    "runs_in",
    "sample_mask",
    "topk_mask",
]
