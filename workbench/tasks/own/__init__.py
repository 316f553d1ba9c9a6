"""Tasks of one's own: rows from data files, with a definition that says which columns are read.

Each process knows those that were named in it, by their ids. A run's spec holds the definition of its task,
so that every process that reads the spec knows the task too.
"""

import sys
from pathlib import Path

from workbench.errors import BadInput
from workbench.tasks.own.definition import (
    DEFINITIONS,
    FORMATS,
    OwnTask,
    beside,
    is_file_name,
)
from workbench.tasks.own.loading import Loaded, load, repeated_rows
from workbench.tasks.own.reading import column_names
from workbench.tasks.task import Modality, Task

__all__ = [
    "FORMATS",
    "OWN",
    "OwnTask",
    "add_task",
    "beside",
    "definition_of",
    "is_file_name",
    "load_own",
    "modality_of",
    "register",
]

SOURCE = "own"
OWN: dict[str, OwnTask] = {}
_MOST_REPEATED = 0.1


def add_task(file: str | Path, *, accept_repeated: bool = False, **columns) -> str:
    """Makes a task of one's own known in this process; its rows are read and checked.

    Args:
        file: a task file; or the data file of train, whose columns are named by the other arguments.
        accept_repeated: whether to accept more than a tenth of the dev rows in train.
        columns: settings of `OwnTask` other than train: inputs, label, dev and so on.

    Returns:
        The task's id, which every function that takes a task takes.

    Raises:
        BadInput: a file cannot be read, its rows do not fit, or train has more than a tenth of the dev rows.
    """
    loaded = load(_definition(str(file), columns))
    task, (dev,) = loaded.task, loaded.task.dev.values()
    if repeated := repeated_rows(task):
        share, name = f"{100 * repeated / len(dev):.1f} %", Path(file).name
        finding = f"{repeated:,} of the {len(dev):,} dev rows of {name} ({share}) are also in train"
        if repeated > _MOST_REPEATED * len(dev) and not accept_repeated:
            raise BadInput(
                f"{finding}, so that scores on dev would say little about new rows; at most "
                f"{100 * _MOST_REPEATED:g} % may. Remove them from one of the two, or add --yes "
                "(accept_repeated=True)."
            )
        print(f"workbench: {finding}.", file=sys.stderr)
    return register(loaded.definition)


def register(definition: OwnTask) -> str:
    """Makes a task known whose rows have been read before; returns its id.

    Raises:
        BadInput: its rows have not been read, as its digest is missing.
    """
    if not definition.digest:
        raise BadInput(f"the task {definition.name} has no digest. Name its file as the task instead.")
    OWN[definition.task_id.partition("/")[2]] = definition
    return definition.task_id


def definition_of(task_id: str) -> OwnTask | None:
    """The definition of a known task; None for an id of another source."""
    source, _, name = task_id.partition("/")
    return OWN.get(name) if source == SOURCE else None


def modality_of(name: str) -> Modality:
    """The kind of input of a known task."""
    return OWN[name].modality


def load_own(name: str) -> Task:
    """Reads the rows of a known task again.

    Raises:
        BadInput: a file is missing, or the rows are not those that the task was made with.
    """
    known = OWN[name]
    try:
        loaded: Loaded = load(known)
    except BadInput as error:
        raise BadInput(f"task {known.task_id} cannot be loaded: {error}") from error
    if loaded.definition.digest != known.digest:
        raise BadInput(
            f"the rows of task {known.task_id} have changed ({known.origin()}; their digest was "
            f"{known.digest} and is {loaded.definition.digest}). Restore them, or name the file as TASK for "
            "a new run."
        )
    return loaded.task


def _definition(file: str, columns: dict) -> OwnTask:
    if Path(file).suffix.lower() in DEFINITIONS:
        if columns:
            raise BadInput(f"{file} defines a task, and {', '.join(columns)} belong in it. Leave them out.")
        return OwnTask.read(file)
    missing = {"inputs", "label", "dev"} - columns.keys()
    if missing:
        names = ", ".join(map(repr, column_names(file)))
        raise BadInput(
            f"{file} is a data file with the columns {names}. Say which ones: --text COLUMN (one or two) or "
            "--image COLUMN, --label COLUMN, and --dev FILE or a share such as 0.1; or write a task file "
            "(docs/your-own.md)."
        )
    return OwnTask(train=file, **columns).beside(Path())
