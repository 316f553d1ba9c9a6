"""The definition of a task of one's own: which files hold its rows, and which of their columns are read."""

import os
import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from workbench.errors import BadInput
from workbench.files import read_yaml
from workbench.settings import Count, settings
from workbench.tasks.task import Modality

DEFINITIONS = (".yaml", ".yml")
FORMATS = (".csv", ".tsv", ".jsonl", ".parquet")
LABEL = "label"  # a task's frames call the column of labels so, whatever the file calls it


@settings
class HubRows:
    """A split of a data set on the Hugging Face Hub.

    Attributes:
        path: id of the data set.
        split: its split.
        name: its configuration; None for the only one.
    """

    path: str
    split: str
    name: str | None = None


@settings
class FromHub:
    """Rows from the Hub instead of files."""

    hub: HubRows


Rows = tuple[str, ...] | FromHub


def _rows(value: Any) -> Rows:
    if isinstance(value, dict):
        return FromHub(**{str(name): entry for name, entry in value.items()})
    if isinstance(value, FromHub):
        return value
    files = value if isinstance(value, list | tuple) else [value]
    if not files or not all(isinstance(file, str) for file in files):
        raise ValueError(
            f"rows come from {value!r}; write a file, a list of files, or hub: {{path: ..., split: ...}}."
        )
    for file in files:
        if Path(file).suffix.lower() not in FORMATS:
            raise ValueError(f"{file} is not in a format that is read; those are {', '.join(FORMATS)}.")
    return tuple(files)


def _rows_or_share(value: Any) -> Rows | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _rows(value)
    if not 0 < value < 1:
        raise ValueError(f"dev is {value!r}; give a file, or a share of train between 0 and 1 such as 0.1.")
    return float(value)


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _class_names(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    for name in value:
        if isinstance(name, bool):
            raise ValueError(
                f"labels has {name}, which is what YAML makes of words such as yes, no, on and off. Put such "
                "words in quotes."
            )
    return tuple(str(name) for name in value)


@settings
class OwnTask:
    """A task of one's own, as a task file defines it (docs/your-own.md).

    Attributes:
        train: files (csv, tsv, jsonl or parquet), or a split on the Hub.
        dev: the same for the reported rows, or the share of train that is set aside for them.
        inputs: one or two columns of texts, or one of images: bytes, or names of files.
        label: the column of labels.
        name: a short name; by default the name of the task file, or of the first file of train.
        labels: class names in the order of their numbers; by default those in train, sorted.
        regression: whether the labels are numbers to predict instead of classes.
        metrics: names for `metrics.score`; selection uses the first one. By default accuracy and macro_f1,
            for regression pearson and spearman.
        max_length: number of tokens that texts are truncated to.
        modality: the kind of input; by default as the columns have it.
        file: the task file; None if the columns were named in another way.
        digest: of the rows and of what a run makes of them; None until they have been read.
    """

    called: ClassVar[str] = "the task"

    train: Annotated[Rows, BeforeValidator(_rows)]
    dev: Annotated[Rows | float, BeforeValidator(_rows_or_share)]
    inputs: Annotated[tuple[str, ...], BeforeValidator(_several), Field(min_length=1, max_length=2)]
    label: str
    name: str | None = None
    labels: Annotated[tuple[str, ...] | None, BeforeValidator(_class_names)] = None
    regression: bool = False
    metrics: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    max_length: Count = 128
    modality: Modality | None = None
    file: str | None = None
    digest: str | None = None

    def __post_init__(self):
        columns = (*self.inputs, self.label)
        if len(set(columns)) < len(columns):
            raise BadInput(
                f"inputs and label name the column {_repeated(columns)!r} twice. Name different columns."
            )
        if LABEL in self.inputs:
            raise BadInput(f"an input column is called {LABEL!r}. Rename it in the file, to `text` perhaps.")
        if self.labels is not None and (self.regression or len(set(self.labels)) < max(2, len(self.labels))):
            raise BadInput(
                f"labels is {list(self.labels)}; list two or more different class names, and none for "
                "regression."
            )
        if self.name is None:
            object.__setattr__(self, "name", _slug(self.file or _first(self.train)))
        elif self.name != _slug(self.name, stem=False):
            raise BadInput(
                f"name is {self.name!r}; it names run folders, so use letters, digits, dots and dashes only."
            )

    @property
    def task_id(self) -> str:
        """The id of the task once its rows have been read."""
        return f"own/{self.name}-{self.digest[:8]}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read: inputs, then the label."""
        return (*self.inputs, self.label)

    def beside(self, folder: str | Path) -> "OwnTask":
        """This definition with its relative paths relative to a folder."""
        places = {
            name: _absolute(value, folder)
            for name, value in (("train", self.train), ("dev", self.dev), ("file", self.file))
        }
        return replace(self, **places)

    def origin(self) -> str:
        """The names of the files, without folders, for readers."""
        parts = [f"train {_names(self.train)}"]
        parts.append(
            f"dev {self.dev:g} of train" if isinstance(self.dev, float) else f"dev {_names(self.dev)}"
        )
        defined = f", defined in {Path(self.file).name}" if self.file else ""
        return f"{' and '.join(parts)}{defined}"

    @classmethod
    def read(cls, path: str | Path) -> "OwnTask":
        """Reads a task file; relative paths in it are relative to it.

        Raises:
            BadInput: the file does not exist, or is not the definition of a task.
        """
        if Path(path).is_dir():
            raise BadInput(f"{path} is a folder. Name a task file, or a data file, in it.")
        plain = read_yaml(path)
        if not isinstance(plain, dict) or not all(isinstance(name, str) for name in plain):
            raise BadInput(f"{path} defines no task; write train, dev, inputs and label (docs/your-own.md).")
        if "hub" in plain:
            raise BadInput(f"{path}: hub belongs under train or dev: write `train: {{hub: {{path: ...}}}}`.")
        try:
            return cls(**plain | {"file": str(path)}).beside(Path(path).parent)
        except BadInput as error:
            raise BadInput(f"{path}: {error}") from error


@lru_cache
def is_file_name(task: str) -> bool:
    """Whether a text that names a task names a task file or a data file; the file need not exist."""
    return Path(task).suffix.lower() in (*DEFINITIONS, *FORMATS)


def beside(task: Any, folder: str | Path) -> Any:
    """A task's name in a file of that folder: a relative path is relative to the folder."""
    if not isinstance(task, str) or not is_file_name(task):
        return task
    return os.path.abspath(Path(folder) / Path(task).expanduser())


def _absolute(value: Any, folder: str | Path) -> Any:
    if isinstance(value, tuple):
        return tuple(_absolute(file, folder) for file in value)
    return beside(value, folder)


def _names(rows: Rows) -> str:
    if isinstance(rows, FromHub):
        return "/".join(part for part in (rows.hub.path, rows.hub.name, rows.hub.split) if part)
    return ", ".join(Path(file).name for file in rows)


def _first(rows: Rows) -> str:
    return rows.hub.path if isinstance(rows, FromHub) else rows[0]


def _slug(text: str, stem: bool = True) -> str:
    name = Path(text).stem if stem else text
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip(".-") or "data"


def _repeated(values: tuple[str, ...]) -> str:
    return next(value for value in values if values.count(value) > 1)
