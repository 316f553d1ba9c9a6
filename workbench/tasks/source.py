"""Task sources: where tasks come from. A task's id is its source's name and its own, as in "glue/rte"."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from workbench.errors import BadInput
from workbench.plugins import Registry
from workbench.tasks.task import Modality, Task


@dataclass(frozen=True)
class Source:
    """Tasks of one origin.

    Attributes:
        tasks: their names, without the source's.
        load: returns the task of a name; raises `BadInput` where its data cannot be had.
        modality: what their inputs are.
        folder_variables: name of a task to the environment variable that names a local copy of its data; a
            task without one is never downloaded.
    """

    tasks: tuple[str, ...]
    load: Callable[[str], Task]
    modality: Modality = "text"
    folder_variables: Mapping[str, str] = field(default_factory=dict)


SOURCES: Registry[Source] = Registry("task source", lambda source: source.load)


def add_source(name: str, source: Source) -> None:
    """Registers a task source.

    Args:
        name: the first part of its tasks' ids.
        source: the tasks.

    Raises:
        BadInput: the name is taken or has a slash, or the source has no tasks or no function that loads them.
    """
    if "/" in name:
        raise BadInput(f"task source {name!r} has a slash in its name; a slash separates source and task.")
    if not isinstance(source, Source) or not source.tasks or not callable(source.load):
        raise BadInput(f"task source {name} is {source!r}; give Source(tasks=(NAME, ...), load=FUNCTION).")
    SOURCES.add(name, source)
