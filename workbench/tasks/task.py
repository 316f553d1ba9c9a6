"""A task: inputs, labels, metrics, and the held-out validation and dev splits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from workbench.randomness import numpy_generator

VALIDATION_SHARE = 0.1
VALIDATION_LIMIT = 2000
Modality = Literal["text", "images"]


@dataclass(frozen=True)
class Schema:
    """The format of a task, independent of where its rows come from.

    Attributes:
        inputs: names of the one or two text columns, or of the column with image files.
        labels: class names in the order of their numbers; empty for regression.
        metrics: names for `metrics.score`; selection uses the first one.
        max_length: number of tokens that texts are truncated to.
        dev: names of the dev splits.
        label_range: smallest and largest label of a regression task.
        modality: the kind of input.
        augmented: whether training uses random crops and flips.
    """

    inputs: tuple[str, ...]
    labels: tuple[str, ...]
    metrics: tuple[str, ...]
    max_length: int = 128
    dev: tuple[str, ...] = ("validation",)
    label_range: tuple[float, float] = (0.0, 5.0)
    modality: Modality = "text"
    augmented: bool = False

    @property
    def is_regression(self) -> bool:
        """Whether the label is a real number instead of a class."""
        return not self.labels


@dataclass(frozen=True, eq=False)
class Task:
    """A task with its rows.

    Attributes:
        id: canonical id, such as "glue/mrpc".
        inputs, labels, metrics, max_length, modality, augmented: as in `Schema`.
        train: the input columns (str, or the bytes of an image file) and "label" (int64 class or float32
            target).
        dev: rows with the same columns, by split name. Used only once, at the end of a run.
        dropped: number of rows dropped because they were malformed or unlabelled, by split name.
        split_id: with the seed determines which rows are held out for validation; by default the id.
    """

    id: str
    inputs: tuple[str, ...]
    labels: tuple[str, ...]
    metrics: tuple[str, ...]
    max_length: int
    train: pd.DataFrame
    dev: dict[str, pd.DataFrame]
    dropped: Mapping[str, int] = field(default_factory=dict)
    modality: Modality = "text"
    augmented: bool = False
    split_id: str | None = None

    @classmethod
    def of(
        cls,
        id: str,
        schema: Schema,
        splits: Mapping[str, pd.DataFrame],
        dropped: Mapping[str, int] | None = None,
        split_id: str | None = None,
    ) -> "Task":
        """Builds a task from a `schema` and the rows of "train" and of each dev split."""
        return cls(
            id=id,
            inputs=schema.inputs,
            labels=schema.labels,
            metrics=schema.metrics,
            max_length=schema.max_length,
            train=splits["train"],
            dev={name: splits[name] for name in schema.dev},
            dropped=dict(dropped or {}),
            modality=schema.modality,
            augmented=schema.augmented,
            split_id=split_id,
        )

    @property
    def is_regression(self) -> bool:
        """Whether the label is a real number instead of a class."""
        return not self.labels

    @property
    def num_outputs(self) -> int:
        """Output size of the model's head: the number of classes, or 1 for regression."""
        return len(self.labels) or 1

    def split(self, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Holds out part of train for selection, so that dev stays untouched.

        Args:
            seed: together with `split_id`, determines which rows are held out.

        Returns:
            (train, validation), each in the original order with a new index. Validation has a tenth of the
            rows, at least 1 and at most 2,000.
        """
        count = len(self.train)
        size = min(max(round(VALIDATION_SHARE * count), 1), VALIDATION_LIMIT)
        chosen = numpy_generator(seed, "split", self.split_id or self.id).choice(
            count, size=size, replace=False
        )
        held_out = np.zeros(count, dtype=bool)
        held_out[chosen] = True
        return (
            self.train[~held_out].reset_index(drop=True),
            self.train[held_out].reset_index(drop=True),
        )
