"""A task ready for training: encoded splits, batches by step, scores on the validation split."""

import hashlib
from collections.abc import Iterator
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from workbench.errors import BadInput
from workbench.models import load_image_processor, load_tokenizer, reads
from workbench.randomness import derive, numpy_generator
from workbench.tasks import Encoded, Images, Preprocessing, Task, batches, decode, encode
from workbench.tasks.metrics import score
from workbench.training.diagnostics import mean_loss, output_entropy
from workbench.training.evaluation import EvaluationSet, predict

_TRAIN_SAMPLE = 256


def _digest(frames: list[pd.DataFrame]) -> str:
    rows = b"".join(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes() for frame in frames)
    return hashlib.sha256(rows).hexdigest()[:16]


def drawn(frame: pd.DataFrame, count: int, *key: str | int) -> pd.DataFrame:
    """At most `count` rows, drawn without replacement, in their order in the frame."""
    return frame.iloc[np.sort(numpy_generator(*key).permutation(len(frame))[:count])]


class TaskData:
    """The splits of one task, encoded for one model.

    Attributes:
        task: the task.
        tokenizer: the model's; None where the task has images.
        image_processor: the model's; None where the task has texts.
        train: the training split.
        train_sample: a fixed sample of it, on which the training loss is measured without dropout.
        validation: the split that selects masks and checkpoints.
        dev: the reported splits, by name; only the final scores use them.
        digest: digest of all rows, to detect changed data.
    """

    def __init__(self, task: Task, model_id: str, seed: int, selection: str, examples: int | None = None):
        """Encodes all splits.

        Args:
            task: the task.
            model_id: the model that the examples are encoded for.
            seed: decides the validation split and which examples are drawn.
            selection: "validation" or "dev".
            examples: number of training examples; None for all.

        Raises:
            BadInput: the model reads text and the task has images, or the reverse; an image is damaged; or
                too few examples exist.
        """
        if (read := reads(model_id)) != task.modality:
            raise BadInput(
                f"model {model_id} reads {read}, and the examples of {task.id} are {task.modality}. Leave "
                "--model out for the task's default model, or choose another task."
            )
        self.task = task
        is_text = task.modality == "text"
        self.tokenizer = load_tokenizer(model_id) if is_text else None
        self.image_processor = None if is_text else load_image_processor(model_id)
        dev = dict(task.dev)
        self.digest = _digest([task.train, *dev.values()])
        train, validation = (task.train, next(iter(dev.values()))) if selection == "dev" else task.split(seed)
        if examples is not None:
            if examples > len(train):
                raise BadInput(
                    f"examples is {examples}, and {task.id} has {len(train)} for training beside the "
                    "validation split. Ask for fewer, or leave it out for all."
                )
            train = drawn(train, examples, seed, "examples")
        self.train = self._encode(train)
        self.train_sample = self._encode(drawn(train, _TRAIN_SAMPLE, seed, "train sample"))
        self.validation = self._encode(validation)
        self.dev = {name: self._encode(frame) for name, frame in dev.items()}
        self._seed = seed
        self._epoch = lru_cache(maxsize=1)(self._make_epoch)
        self._evaluation = lru_cache(maxsize=2)(self._make_evaluation)

    def steps_per_epoch(self, batch_size: int) -> int:
        """Batches in one pass over train; the last may be short."""
        return -(-len(self.train) // batch_size)

    def steps(self, epochs: float, batch_size: int) -> int:
        """Optimizer steps in a number of passes over train; at least 1."""
        return max(1, round(epochs * self.steps_per_epoch(batch_size)))

    def batch(self, step: int, batch_size: int, key: tuple[str | int, ...]) -> dict[str, Tensor]:
        """The batch of an optimizer step, counted from 0, with the "indices" of its examples in train.

        The order depends on key and epoch alone, the augmentation of images on key and step.
        """
        epoch, position = divmod(step, self.steps_per_epoch(batch_size))
        indices = self._epoch(batch_size, derive(*key), epoch)[position]
        augmentation = (numpy_generator(*key, "augmentation", step),) if self.task.augmented else ()
        return self.train.collate(indices, *augmentation) | {"indices": torch.from_numpy(indices)}

    def epoch(self, batch_size: int, key: tuple[str | int, ...]) -> Iterator[dict[str, Tensor]]:
        """The batches of the first pass over train."""
        return (self.batch(step, batch_size, key) for step in range(self.steps_per_epoch(batch_size)))

    def evaluate(self, model: nn.Module, precision: str) -> dict[str, float]:
        """Metrics on the validation split, the primary one first."""
        return self.diagnose(model, precision, train=False)[0]

    def diagnose(
        self, model: nn.Module, precision: str, train: bool = True, examples: int | None = None
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Metrics on the validation split, and diagnostics of the training (see `training/diagnostics.py`).

        Args:
            model: the student.
            precision: "fp32" or "bf16".
            train: also evaluate the fixed sample of train.
            examples: size of the fixed sample of the validation split; None for all of it.

        Returns:
            The metrics, the primary one first; and those of `validation_loss`, `validation_entropy`,
            `train_loss` and `train_entropy` that are defined.
        """
        validation = self._evaluation(examples)
        logits = predict(model, validation, precision)
        values = {
            "validation_loss": mean_loss(logits, validation.labels),
            "validation_entropy": output_entropy(logits),
        }
        if train:
            sample = predict(model, self._train_evaluation, precision)
            values["train_loss"] = mean_loss(sample, self._train_evaluation.labels)
            values["train_entropy"] = output_entropy(sample)
        metrics = score(self.task.metrics, logits, validation.labels)
        return metrics, {name: value for name, value in values.items() if value is not None}

    def _encode(self, frame: pd.DataFrame) -> Encoded | Images:
        if self.task.modality == "images":
            return decode(self.task, frame, Preprocessing.of(self.image_processor))
        return encode(self.task, frame, self.tokenizer)

    @cached_property
    def _train_evaluation(self) -> EvaluationSet:
        return EvaluationSet(self.train_sample)

    def _make_evaluation(self, examples: int | None) -> EvaluationSet:
        if examples is None or examples >= len(self.validation):
            return EvaluationSet(self.validation)
        order = numpy_generator(self._seed, "validation sample").permutation(len(self.validation))
        return EvaluationSet(self.validation, np.sort(order[:examples]))

    def _make_epoch(self, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
        return batches(self.train.lengths, batch_size, seed, epoch)
