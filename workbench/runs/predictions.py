"""The outputs of a run's final model on each dev example, kept so that runs can be compared in pairs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from workbench.runs.layout import RunFolder
from workbench.runs.states import read_arrays, write_tensors


@dataclass(frozen=True)
class Predictions:
    """Outputs beside labels, in the order of the split.

    Attributes:
        logits: float32 of shape (examples, outputs).
        labels: (examples,), class numbers or targets.
    """

    logits: np.ndarray
    labels: np.ndarray


def write_predictions(folder: RunFolder, splits: Mapping[str, Predictions]) -> None:
    """Writes the predictions on every dev split as one safetensors file."""
    tensors = {}
    for name, split in splits.items():
        tensors[f"logits.{name}"] = torch.from_numpy(np.asarray(split.logits, np.float32))
        tensors[f"labels.{name}"] = torch.tensor(split.labels)
    write_tensors(folder.predictions, tensors, {})


def has_predictions(folder: RunFolder) -> bool:
    """Whether a run folder has predictions; those of early versions do not."""
    return folder.predictions.exists()


def read_predictions(folder: RunFolder) -> dict[str, Predictions]:
    """The predictions of a run folder by dev split; empty if the run did not keep them.

    Raises:
        BadInput: the file is truncated or edited.
    """
    if not has_predictions(folder):
        return {}
    arrays = read_arrays(folder.predictions)
    names = [name.removeprefix("logits.") for name in arrays if name.startswith("logits.")]
    return {name: Predictions(arrays[f"logits.{name}"], arrays[f"labels.{name}"]) for name in names}
