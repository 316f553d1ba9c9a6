"""Tasks: GLUE and CIFAR-10 from the Hub or a local copy, and tasks that need no download."""

from workbench.errors import unknown
from workbench.tasks import glue, metrics, synth, vision
from workbench.tasks.batching import batches, ordered_batches
from workbench.tasks.encoding import Encoded, encode
from workbench.tasks.images import Images, decode
from workbench.tasks.source import SOURCES, Source, add_source
from workbench.tasks.task import Modality, Task

__all__ = [
    "SOURCES",
    "Encoded",
    "Images",
    "Modality",
    "Source",
    "Task",
    "add_source",
    "batches",
    "canonical_id",
    "decode",
    "encode",
    "folder_variable",
    "load_task",
    "metrics",
    "modality",
    "ordered_batches",
    "task_ids",
]

add_source(
    "glue",
    Source(
        tasks=tuple(glue.SCHEMAS),
        load=glue.load_glue,
        folder_variables=dict.fromkeys(glue.SCHEMAS, glue.FOLDER_VARIABLE),
    ),
)
add_source("synth", Source(tasks=tuple(synth.GENERATORS), load=synth.load_synth))
add_source(
    "vision",
    Source(
        tasks=tuple(vision.SCHEMAS),
        load=vision.load_vision,
        modality="images",
        folder_variables={"cifar10": vision.FOLDER_VARIABLE},
    ),
)


def task_ids() -> tuple[str, ...]:
    """All ids that `load_task` accepts."""
    return tuple(f"{name}/{task}" for name, source in SOURCES.items() for task in source.tasks)


def canonical_id(task_id: str) -> str:
    """Completes an id with its source: "rte" means "glue/rte".

    Raises:
        BadInput: there is no such task; the message suggests the closest names.
    """
    full = task_id if "/" in task_id else f"glue/{task_id}"
    if full not in task_ids():
        raise unknown("task", full, task_ids())
    return full


def modality(task_id: str) -> Modality:
    """The kind of input of the task with an id (see `canonical_id`)."""
    return _find(task_id)[0].modality


def folder_variable(task_id: str) -> str | None:
    """The environment variable for a local copy of a task's data; None if the task is never downloaded."""
    source, name = _find(task_id)
    return source.folder_variables.get(name)


def load_task(task_id: str) -> Task:
    """Loads the task with an id (see `canonical_id`), including its rows.

    Raises:
        BadInput: there is no such task, or its data cannot be loaded; the message says what to do.
    """
    source, name = _find(task_id)
    return source.load(name)


def _find(task_id: str) -> tuple[Source, str]:
    """The source of a task, and its name within that source."""
    source, name = canonical_id(task_id).split("/")
    return SOURCES[source], name
