"""A model's outputs on a split."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from workbench.tasks import Encoded, Images, ordered_batches
from workbench.training.hardware import autocast, moved
from workbench.training.objective import model_inputs
from workbench.training.progress import progress_bar

_BATCH = 64


class EvaluationSet:
    """Examples that are evaluated again and again, with their batches collated once.

    Attributes:
        batches: for each batch its rows in this set, and the collated tensors.
        labels: (n,), classes or scores.
    """

    def __init__(self, examples: Encoded | Images, chosen: np.ndarray | None = None):
        """Collates.

        Args:
            examples: a split, tokenised or decoded.
            chosen: indices of the examples to take; None for all.
        """
        chosen = np.arange(len(examples)) if chosen is None else chosen
        self.labels = examples.labels[chosen]
        self.batches = list(_batches(examples, chosen))

    def __len__(self) -> int:
        return len(self.labels)


@torch.inference_mode()
def predict(
    model: nn.Module, examples: Encoded | Images | EvaluationSet, precision: str, what: str | None = None
) -> np.ndarray:
    """Logits of a model in eval mode; its own mode is restored.

    Args:
        model: any classifier that takes the collated inputs.
        examples: a split, tokenised or decoded, or prepared.
        precision: "fp32" or "bf16".
        what: the label of a progress bar; None for no bar.

    Returns:
        float32 array of shape (examples, outputs), in the order of `examples`.
    """
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    logits = np.empty((len(examples), model.config.num_labels), np.float32)
    places, outputs = [], []
    prepared = isinstance(examples, EvaluationSet)
    batches = examples.batches if prepared else _batches(examples, np.arange(len(examples)))
    with progress_bar(what or "", len(examples), unit="example", hidden=what is None) as bar:
        for rows, batch in batches:
            with autocast(device, precision):
                outputs.append(model(**moved(model_inputs(batch), device)).logits.float())
            places.append(rows)
            bar.update(len(rows))
    # Copied once: each copy from a GPU waits until it has computed everything.
    logits[np.concatenate(places)] = torch.cat(outputs).cpu().numpy()
    model.train(training)
    return logits


def _batches(
    examples: Encoded | Images, chosen: np.ndarray
) -> Iterator[tuple[np.ndarray, dict[str, Tensor]]]:
    """Batches of the chosen examples by length: where they are in `chosen`, and their tensors."""
    for rows in ordered_batches(examples.lengths[chosen], _BATCH):
        yield rows, examples.collate(chosen[rows])
