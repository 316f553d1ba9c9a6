"""Tasks: GLUE and CIFAR-10 from the Hub or a local copy, tasks that need no download, and one's own files."""

from pathlib import Path

from workbench.errors import BadInput, unknown
from workbench.tasks import glue, metrics, own, synth, vision
from workbench.tasks.batching import batches, ordered_batches
from workbench.tasks.encoding import Encoded, encode
from workbench.tasks.images import Images, Preprocessing, decode
from workbench.tasks.own import OwnTask, add_task
from workbench.tasks.source import SOURCES, Source, add_source
from workbench.tasks.task import Modality, Task

__all__ = [
    "SOURCES",
    "Encoded",
    "Images",
    "Modality",
    "OwnTask",
    "Preprocessing",
    "Source",
    "Task",
    "add_source",
    "add_task",
    "batches",
    "canonical_id",
    "decode",
    "encode",
    "folder_variable",
    "load_task",
    "metrics",
    "modality",
    "ordered_batches",
    "own",
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
SOURCES.add(own.SOURCE, Source(tasks=own.OWN, load=own.load_own, modality=own.modality_of))


def task_ids() -> tuple[str, ...]:
    """All ids that `load_task` accepts, including those of one's own tasks that this process knows."""
    return tuple(f"{name}/{task}" for name, source in SOURCES.items() for task in source.tasks)


def canonical_id(task_id: str) -> str:
    """Completes an id with its source: "rte" means "glue/rte".

    The name of a task file (docs/your-own.md) becomes the id of the task that it defines; its rows are read.

    Raises:
        BadInput: there is no such task, or its file cannot be used; the message suggests the closest names.
    """
    if own.is_file_name(task_id):
        return add_task(task_id)
    full = task_id if "/" in task_id else f"glue/{task_id}"
    source, _, name = full.partition("/")
    if source not in SOURCES or name not in SOURCES[source].tasks:
        raise _no_task(task_id, full)
    return full


def modality(task_id: str) -> Modality:
    """The kind of input of the task with an id (see `canonical_id`)."""
    source, name = _find(task_id)
    return source.modality_of(name)


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


def _no_task(task_id: str, full: str) -> BadInput:
    if Path(task_id).name and Path(task_id).exists():
        kind = "a folder" if Path(task_id).is_dir() else "neither a task file nor a data file"
        return BadInput(
            f"{task_id} is {kind}. Name a task file (docs/your-own.md), or a data file: "
            f"{', '.join(own.FORMATS)}."
        )
    if full.startswith(f"{own.SOURCE}/"):
        return BadInput(f"{full} is a task of your own whose file is not known here. Name the file as TASK.")
    return unknown("task", full, task_ids())
