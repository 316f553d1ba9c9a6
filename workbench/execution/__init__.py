"""How a run is executed: the bench that engines call, races, the dense model and final scores."""

from workbench.process import without_collections

with without_collections():
    from workbench.execution.launch import prune

__all__ = ["prune"]
