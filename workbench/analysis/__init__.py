"""Tables computed from masks and runs, a module for each topic. Nothing here draws."""

from workbench.process import imported_when_used

_TOPICS = (
    "checks",
    "comparison",
    "connectivity",
    "cost",
    "differences",
    "expected_patterns",
    "expected_pool",
    "flips",
    "hessian",
    "layers",
    "levels",
    "loss",
    "matched_pools",
    "overlap",
    "pattern",
    "pool",
    "progress",
    "published",
    "race",
    "resampling",
    "speed",
    "store",
    "training_length",
)
_HOMES = dict(zip(_TOPICS, _TOPICS, strict=True))

__all__ = list(_HOMES)

__getattr__, __dir__ = imported_when_used(__name__, _HOMES)
