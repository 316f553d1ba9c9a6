"""A workbench for pruning research on transformer encoders."""

from workbench.process import imported_when_used

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


__getattr__, __dir__ = imported_when_used(__name__, _HOMES)
