"""Runs: what they are, how they are carried out, singly or in grids, and how they are read."""

from workbench.runs.drops import drop, dropped, pool_size
from workbench.runs.executors import executor
from workbench.runs.grid import Cell, read_grid
from workbench.runs.jobs import Job, start
from workbench.runs.launch import prune
from workbench.runs.progress import Follower, Progress
from workbench.runs.run import Candidate, Run, dev_name, find_run, find_runs, runs_in, usual_store
from workbench.runs.spec import FineTuning, RunSpec
from workbench.runs.sweep import Sweep
from workbench.runs.weights import kept_stages, stage_weights

__all__ = [
    "Candidate",
    "Cell",
    "FineTuning",
    "Follower",
    "Job",
    "Progress",
    "Run",
    "RunSpec",
    "Sweep",
    "dev_name",
    "drop",
    "dropped",
    "executor",
    "find_run",
    "find_runs",
    "kept_stages",
    "pool_size",
    "prune",
    "read_grid",
    "runs_in",
    "stage_weights",
    "start",
    "usual_store",
]
