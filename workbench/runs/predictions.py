"""What a run's final model says about each dev example, kept so that runs can be compared in pairs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from workbench.runs.tensors import read_tensors, write_tensors

_FILE = "predictions.safetensors"


@dataclass(frozen=True)
class Predictions:
    """Outputs beside labels, in the order of the split.

    Attributes:
        logits: float32 of shape (examples, outputs).
        labels: (examples,), class numbers or targets.
    """

    logits: np.ndarray
    labels: np.ndarray


def write_predictions(root: Path, splits: Mapping[str, Predictions]) -> None:
    """Keeps the predictions on every dev split in a run folder, as one safetensors file."""
    tensors = {}
    for name, split in splits.items():
        tensors[f"logits.{name}"] = torch.from_numpy(np.asarray(split.logits, np.float32))
        tensors[f"labels.{name}"] = torch.tensor(split.labels)
    write_tensors(root / _FILE, tensors, {})


def keeps_predictions(root: Path) -> bool:
    """Whether a run folder has predictions; those of older versions have none."""
    return (root / _FILE).exists()


def read_predictions(root: Path) -> dict[str, Predictions]:
    """The predictions of a run folder by dev split; none where the run did not keep them.

    Raises:
        BadInput: the file is truncated or edited.
    """
    if not keeps_predictions(root):
        return {}
    tensors, _ = read_tensors(root / _FILE)
    names = [name.removeprefix("logits.") for name in tensors if name.startswith("logits.")]
    return {n: Predictions(tensors[f"logits.{n}"].numpy(), tensors[f"labels.{n}"].numpy()) for n in names}
