"""Reads the rows of a task of one's own, and says what is wrong with them before any work starts."""

import hashlib
import json
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from workbench.errors import BadInput
from workbench.randomness import numpy_generator
from workbench.tasks.metrics import check_metrics
from workbench.tasks.own import cleaning
from workbench.tasks.own.definition import LABEL, OwnTask
from workbench.tasks.own.reading import Part, read_parts
from workbench.tasks.task import Modality, Schema, Task

DEV = "validation"  # GLUE's name of a dev split
_USUAL_METRICS = {False: ("accuracy", "macro_f1"), True: ("pearson", "spearman")}


@dataclass(frozen=True, eq=False)
class Loaded:
    """The rows of a task, and the definition with everything that was found in them.

    Attributes:
        definition: with classes, metrics, kind of input and digest.
        task: the rows.
    """

    definition: OwnTask
    task: Task


def load(definition: OwnTask) -> Loaded:
    """Reads the rows of a task.

    Raises:
        BadInput: a file cannot be read, or its rows do not fit the definition.
    """
    frames, dropped, origins, modality = _splits(definition)
    if definition.regression:
        labels: tuple[str, ...] = ()
        numbers = {name: cleaning.targets(frame[LABEL], origins[name]) for name, frame in frames.items()}
    else:
        train = frames["train"][LABEL]
        labels = definition.labels or cleaning.found_classes(train, origins["train"])
        # Only the order of given classes says what a number means.
        splits = [frame[LABEL] for frame in frames.values()]
        numbered = definition.labels is not None and cleaning.are_numbers(splits, labels)
        numbers = {
            name: cleaning.class_numbers(frame[LABEL], labels, origins[name], numbered)
            for name, frame in frames.items()
        }
        cleaning.check_learnt(numbers["train"], numbers[DEV], labels, origins[DEV])
    frames = {name: frame.assign(**{LABEL: numbers[name]}) for name, frame in frames.items()}
    metrics = definition.metrics or _USUAL_METRICS[definition.regression]
    check_metrics(metrics, len(labels))
    schema = Schema(definition.inputs, labels, metrics, definition.max_length, (DEV,), modality=modality)
    found = replace(definition, labels=labels or None, metrics=metrics, modality=modality)
    found = replace(found, digest=_digest(found, frames))
    # Any constant would do; with this one, GLUE's rows from a file are held out as those of GLUE.
    split_id = f"glue/{definition.name}"
    return Loaded(found, Task.of(found.task_id, schema, frames, dropped, split_id))


def repeated_rows(task: Task) -> int:
    """The number of dev rows whose inputs are also in train, whatever their labels."""
    columns = list(task.inputs)
    dev = next(iter(task.dev.values()))
    return int(np.isin(_hashes(dev[columns]), _hashes(task.train[columns])).sum())


def _splits(
    definition: OwnTask,
) -> tuple[dict[str, pd.DataFrame], dict[str, int], dict[str, str], Modality]:
    """By split: rows with labels as texts, the number dropped, and the origin; then the kind of input."""
    parts = {"train": read_parts(definition.train, definition.columns)}
    carved = isinstance(definition.dev, float)
    if not carved:
        parts[DEV] = read_parts(definition.dev, definition.columns)
    frames, dropped, modalities = {}, {}, {}
    for name in list(parts):
        frames[name], count, modalities[name] = cleaning.cleaned(parts[name], definition)
        dropped |= {name: count} if count else {}
    origins = {name: _origin(split) for name, split in parts.items()}
    if len(set(modalities.values())) > 1:
        raise BadInput(
            f"{origins['train']} has {modalities['train']}, and {origins[DEV]} has {modalities[DEV]}. Name "
            "the same kind of column in both."
        )
    if carved:
        frames["train"], frames[DEV] = _carved(frames["train"], definition.dev)
        origins[DEV] = f"dev, carved from {origins['train']},"
    return frames, dropped, origins, modalities["train"]


def _origin(parts: list[Part]) -> str:
    return parts[0].origin if len(parts) == 1 else f"{parts[0].origin} and {len(parts) - 1} more"


def _carved(frame: pd.DataFrame, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train and dev, each in the order of the file; the same rows whatever the seed of a run."""
    size = round(share * len(frame))
    if not 0 < size < len(frame) - 1:
        raise BadInput(
            f"dev is {share:g} of {len(frame)} rows, which leaves {size} of them for dev and "
            f"{len(frame) - size} for train. Give another share, or a file."
        )
    chosen = np.zeros(len(frame), dtype=bool)
    chosen[numpy_generator("own data", "dev").permutation(len(frame))[:size]] = True
    return frame[~chosen].reset_index(drop=True), frame[chosen].reset_index(drop=True)


def _digest(definition: OwnTask, frames: dict[str, pd.DataFrame]) -> str:
    """Sixteen hex digits that depend on the rows and on what a run makes of them, not on names or formats."""
    made = {
        name: getattr(definition, name)
        for name in ("labels", "regression", "metrics", "max_length", "modality")
    }
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode())
    for frame in frames.values():
        digest.update(f"{len(frame)} rows".encode())
        for column in definition.inputs:
            for cell in frame[column]:
                data = cell if isinstance(cell, bytes) else cell.encode()
                digest.update(len(data).to_bytes(8, "big"))
                digest.update(data)
        digest.update(frame[LABEL].to_numpy())
    return digest.hexdigest()[:16]


def _hashes(frame: pd.DataFrame) -> np.ndarray:
    return pd.util.hash_pandas_object(frame, index=False).to_numpy()
