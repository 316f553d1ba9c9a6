"""How a run is carried out: the bench that engines ask, races, the dense model and final scores."""

from workbench.process import without_collections

with without_collections():
    from workbench.execution.launch import prune

__all__ = ["prune"]
