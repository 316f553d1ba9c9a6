"""A workbench for pruning research on transformer encoders."""

from importlib import import_module
from typing import Any

from workbench.process import without_collections

# Imported when first used: the libraries behind them take seconds, and `workbench --help` need not wait.
_HOMES = {
    "ACDC": "engines.acdc",
    "BadInput": "errors",
    "Distillation": "training",
    "Engine": "engines",
    "FineTuning": "runs",
    "GMP": "engines.gmp",
    "IMP": "engines.imp",
    "Magnitude": "engines.magnitude",
    "MagnitudeHistograms": "masks",
    "Mask": "masks",
    "Movement": "engines.movement",
    "OBERT": "engines.obert",
    "Random": "engines.random",
    "Randomized": "engines.randomized",
    "RigL": "engines.rigl",
    "Run": "runs",
    "RunSpec": "runs",
    "SET": "engines.set",
    "SMP": "engines.smp",
    "SoftMovement": "engines.soft_movement",
    "Stopped": "errors",
    "Swamp": "engines.swamp",
    "Sweep": "sweeps",
    "Ticket": "engines.ticket",
    "WorkbenchError": "errors",
    "add_task": "tasks",
    "compare": "masks",
    "cubic_ladder": "schedules",
    "export": "exports",
    "find_run": "runs",
    "keep": "integrations.torch",
    "load_plugin": "plugins",
    "load_task": "tasks",
    "nm_mask": "masks",
    "overlap": "masks",
    "prune": "execution",
    "read_grid": "sweeps",
    "runs_in": "runs",
    "sample_mask": "masks",
    "save_sparse": "inference",
    "sparse_model": "inference",
    "topk_mask": "masks",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    with without_collections():
        return getattr(import_module(f"workbench.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
