"""The kinds of workers, by the names that `workbench prune --executor` takes."""

from collections.abc import Callable
from typing import Any

from workbench.clusters.options import given_options
from workbench.errors import unknown
from workbench.execution.ray_workers import RayWorkers
from workbench.execution.workers import ProcessWorkers, Workers

WORKERS: dict[str, Callable[..., Workers]] = {"process": ProcessWorkers, "ray": RayWorkers}


def workers_on(kind: str, **options: Any) -> Workers:
    """Workers for `prune`.

    Args:
        kind: "process" or "ray".
        options: of this kind (docs/scaling.md); None for its default.

    Raises:
        BadInput: no such kind, an option that it does not have, or what the kind itself rejects.
    """
    if kind not in WORKERS:
        raise unknown("executor of a run's stages", kind, WORKERS)
    return WORKERS[kind](**given_options(kind, options, WORKERS))
