"""How a run is executed: the bench that engines call, races, the dense model and final scores."""

from workbench.process import without_collections

with without_collections():
    from workbench.execution.launch import prune
    from workbench.execution.worker_kinds import workers_on

__all__ = ["prune", "workers_on"]
