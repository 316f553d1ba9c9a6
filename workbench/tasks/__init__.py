"""What is learned: GLUE from the Hub or a local copy, and generated stand-ins that need no download."""

from workbench.errors import unknown
from workbench.tasks import metrics
from workbench.tasks.batching import batches, ordered_batches
from workbench.tasks.encoding import Encoded, collate, encode
from workbench.tasks.glue import SCHEMAS
from workbench.tasks.sources import load_glue
from workbench.tasks.synth import GENERATORS, load_synth
from workbench.tasks.task import Task

__all__ = [
    "Encoded",
    "Task",
    "batches",
    "canonical_id",
    "collate",
    "encode",
    "load_task",
    "metrics",
    "ordered_batches",
    "task_ids",
]


def task_ids() -> tuple[str, ...]:
    """Every id that `load_task` knows."""
    return (*(f"glue/{name}" for name in SCHEMAS), *(f"synth/{name}" for name in GENERATORS))


def canonical_id(task_id: str) -> str:
    """The id with its source: a bare "rte" means "glue/rte".

    Raises:
        BadInput: there is no such task; the message has the nearest names.
    """
    full = task_id if "/" in task_id else f"glue/{task_id}"
    if full not in task_ids():
        raise unknown("task", full, task_ids())
    return full


def load_task(task_id: str) -> Task:
    """A task with its rows, by its id (see `canonical_id`).

    Raises:
        BadInput: there is no such task, or its data cannot be had; the message has the ways out.
    """
    source, name = canonical_id(task_id).split("/")
    return load_glue(name) if source == "glue" else load_synth(name)
