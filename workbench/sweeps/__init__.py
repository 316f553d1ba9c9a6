"""Many runs, or runs in the background: grids, executors, jobs."""

from workbench.sweeps.executors import EXECUTORS, Executor, ProcessExecutor, RunExit, add_executor, executor
from workbench.sweeps.grid import Cell, read_grid
from workbench.sweeps.jobs import Job, start
from workbench.sweeps.on_ray import RayExecutor
from workbench.sweeps.on_slurm import SlurmExecutor
from workbench.sweeps.sweep import Failure, Sweep

__all__ = [
    "EXECUTORS",
    "Cell",
    "Executor",
    "Failure",
    "Job",
    "ProcessExecutor",
    "RayExecutor",
    "RunExit",
    "SlurmExecutor",
    "Sweep",
    "add_executor",
    "executor",
    "read_grid",
    "start",
]
