"""What is learned: GLUE and CIFAR-10 from the Hub or a local copy, and tasks that need no download."""

from workbench.errors import unknown
from workbench.tasks import glue, metrics, sources, synth, vision
from workbench.tasks.batching import batches, ordered_batches
from workbench.tasks.encoding import Encoded, encode
from workbench.tasks.images import Images, decode
from workbench.tasks.task import Modality, Task

__all__ = [
    "Encoded",
    "Images",
    "Modality",
    "Task",
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

_TABLE = {
    "glue": (glue.SCHEMAS, sources.load_glue),
    "synth": (synth.GENERATORS, synth.load_synth),
    "vision": (vision.SCHEMAS, vision.load_vision),
}
from workbench.plugins import Registry

SOURCES = Registry("task source")
for _n, _v in _TABLE.items():
    SOURCES.add(_n, _v)


def task_ids() -> tuple[str, ...]:
    """Every id that `load_task` knows."""
    return tuple(f"{source}/{name}" for source, (names, _) in SOURCES.items() for name in names)


def canonical_id(task_id: str) -> str:
    """The id with its source: a bare "rte" means "glue/rte".

    Raises:
        BadInput: there is no such task; the message has the nearest names.
    """
    full = task_id if "/" in task_id else f"glue/{task_id}"
    if full not in task_ids():
        raise unknown("task", full, task_ids())
    return full


def modality(task_id: str) -> Modality:
    """What the inputs of a task are, by its id (see `canonical_id`)."""
    return "images" if canonical_id(task_id).startswith("vision/") else "text"


def folder_variable(task_id: str) -> str | None:
    """The environment variable that names a local copy of a task's data; None where nothing is fetched."""
    if task_id.startswith("glue/"):
        return sources.FOLDER_VARIABLE
    return vision.FOLDER_VARIABLE if task_id == "vision/cifar10" else None


def load_task(task_id: str) -> Task:
    """A task with its rows, by its id (see `canonical_id`).

    Raises:
        BadInput: there is no such task, or its data cannot be had; the message has the ways out.
    """
    source, name = canonical_id(task_id).split("/")
    _, load = SOURCES[source]
    return load(name)
