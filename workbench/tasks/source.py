"""Task sources. A task's id consists of its source's name and its own, as in "glue/rte"."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from workbench.errors import BadInput
from workbench.plugins import Registry
from workbench.tasks.task import Modality, Task


@dataclass(frozen=True)
class Source:
    """A group of tasks that are loaded in the same way.

    Attributes:
        tasks: names of the tasks, without the source's name.
        load: returns the task with a given name; raises `BadInput` if its data cannot be loaded.
        modality: the kind of input, or a function that returns that of the task with a given name.
        folder_variables: for each task that is downloaded, the environment variable for a local copy of its
            data.
    """

    tasks: Collection[str]
    load: Callable[[str], Task]
    modality: Modality | Callable[[str], Modality] = "text"
    folder_variables: Mapping[str, str] = field(default_factory=dict)

    def modality_of(self, name: str) -> Modality:
        """The kind of input of one of its tasks."""
        return self.modality(name) if callable(self.modality) else self.modality


SOURCES: Registry[Source] = Registry("task source", lambda source: source.load)


def add_source(name: str, source: Source) -> None:
    """Registers a task source.

    Args:
        name: the first part of the tasks' ids.
        source: the tasks and how to load them.

    Raises:
        BadInput: the name is taken or contains a slash, or the source has no tasks or no load function.
    """
    if "/" in name:
        raise BadInput(
            f"task source {name!r} has a slash in its name, which separates source and task. Drop it."
        )
    if not isinstance(source, Source) or not source.tasks or not callable(source.load):
        raise BadInput(f"task source {name} is {source!r}. Give Source(tasks=(NAME, ...), load=FUNCTION).")
    SOURCES.add(name, source)
