"""The loss of any weights, on the model and the examples of a run."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from torch import Tensor, nn

from workbench.models import load_encoder
from workbench.randomness import numpy_generator
from workbench.runs import Run
from workbench.tasks import Task, load_task, ordered_batches
from workbench.training import device, has_batchnorm, load_model_tensors, predict, recalibrate
from workbench.training.data import TaskData
from workbench.training.diagnostics import mean_loss

_BATCH = 64
# Part of the key of random draws, so it never changes.
_PURPOSE = "basis"


class LossEvaluator:
    """The architecture of a run's model, a fixed sample of its training split, and the first dev split.

    Args:
        run: a complete run.
        dev_examples: the number of dev examples to use, the same ones for all runs of a task; None for all.

    Attributes:
        final: the run's final weights, parameters and buffers by name.
        train: 256 training examples, the same for all runs of a task and seed.
        dev: the first dev split, or those examples of it.

    Raises:
        BadInput: the run is not complete, or its model or its task cannot be read.
    """

    def __init__(self, run: Run, dev_examples: int | None = None):
        _ = run.results
        spec, folder = run.spec, str(run.folder.model)
        task = _with_fewer_dev_examples(load_task(spec.task), dev_examples)
        self._model = load_encoder(folder, task.num_outputs, spec.seed).to(device()).eval()
        self.final = {name: value.clone() for name, value in self._model.state_dict().items()}
        self._data = TaskData(task, folder, spec.seed, spec.selection, spec.examples)
        self._precision = run.environment["precision"]
        self._key = (spec.seed, _PURPOSE)
        self.train = self._data.train_sample
        self.dev = next(iter(self._data.dev.values()))

    def load(self, weights: Mapping[str, Tensor]) -> nn.Module:
        """The model in eval mode with the given weights.

        If the model has BatchNorm, its statistics are recomputed on the training split.
        """
        load_model_tensors(self._model, {f"model.{name}": value for name, value in weights.items()})
        if has_batchnorm(self._model):
            recalibrate(self._model, self._data.epoch(_BATCH, self._key))
        return self._model.eval()

    def losses(self) -> dict[str, tuple[float, float]]:
        """Loss and error of the loaded weights on "train" (the sample) and "dev".

        The loss is the cross-entropy in nats and the error the share misclassified; for a regression they are
        the squared error and NaN.
        """
        return {name: self._losses(split) for name, split in (("train", self.train), ("dev", self.dev))}

    def train_batches(self) -> Iterator[dict[str, Tensor]]:
        """The training sample in batches, on the model's device, with labels."""
        for indices in ordered_batches(self.train.lengths, _BATCH):
            batch = self.train.collate(indices)
            yield {name: tensor.to(device()) for name, tensor in batch.items()}

    def _losses(self, split) -> tuple[float, float]:
        logits = predict(self._model, split, self._precision)
        if logits.shape[1] == 1:
            return mean_loss(logits, split.labels), float("nan")
        return mean_loss(logits, split.labels), float(np.mean(logits.argmax(1) != split.labels))


def final_weights(run: Run) -> dict[str, Tensor]:
    """Parameters and buffers of a run's final model, by name, as in `LossEvaluator.final`.

    Raises:
        BadInput: the run no longer has a model folder, or it cannot be read.
    """
    outputs = load_task(run.spec.task).num_outputs
    return load_encoder(str(run.folder.model), outputs, run.spec.seed).state_dict()


def _with_fewer_dev_examples(task: Task, count: int | None) -> Task:
    """The task with only its first dev split, and at most `count` rows of it, in their order."""
    name, rows = next(iter(task.dev.items()))
    if count is not None and count < len(rows):
        rows = rows.iloc[np.sort(numpy_generator(_PURPOSE, task.id).permutation(len(rows))[:count])]
    return replace(task, dev={name: rows})
