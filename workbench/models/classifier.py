"""A fine-tuned classifier from elsewhere, with its classes in a task's order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from workbench.errors import BadInput
from workbench.models.anatomy import set_prunable
from workbench.models.loading import load_checkpoint
from workbench.models.location import UNTRAINED

Matched = Literal["by name", "by number"]


@dataclass(frozen=True)
class Classifier:
    """A classifier whose outputs are in a task's order.

    Attributes:
        model: in training mode, float32.
        names: its own names of the classes, in its own order.
        matched: how its classes were matched to the task's.
    """

    model: nn.Module
    names: tuple[str, ...]
    matched: Matched


def load_classifier(
    model_id: str, task_id: str, labels: Sequence[str], pattern: str | None = None
) -> Classifier:
    """Loads a fine-tuned classifier for a task; classes with the task's names get the task's order.

    Args:
        model_id: see `locate`.
        task_id: the task, for messages.
        labels: the task's classes in order; none for regression.
        pattern: which weights are prunable, if not the usual ones (see `set_prunable`).

    Raises:
        BadInput: it has another number of classes or no trained head, is a decoder, or does not load.
    """
    if model_id in UNTRAINED:
        raise BadInput(f"dense model {model_id} is untrained. Give a fine-tuned classifier, or leave it out.")
    model, absent = load_checkpoint(model_id, None, seed=0)
    config, outputs = model.config, len(labels) or 1
    if absent:
        raise BadInput(
            f"dense model {model_id} is no fine-tuned classifier: its checkpoint lacks {min(absent)}. "
            f"Fine-tune it first, or give it as --model {model_id} to have that done."
        )
    names = tuple(config.id2label[number] for number in range(config.num_labels))
    if len(names) != outputs:
        raise BadInput(
            f"dense model {model_id} has {_count(names)}, and {task_id} has "
            f"{_count(labels or ('a score',))}. Give a classifier for this task, or leave --dense out to "
            "have one fine-tuned."
        )
    if pattern is not None:
        set_prunable(model, pattern)
    places = {_simple(name): number for number, name in enumerate(names)}
    if len(places) != len(names) or places.keys() != {_simple(label) for label in labels}:
        return Classifier(model.train(), names, "by number")
    _put_in_order(model, [places[_simple(label)] for label in labels])
    config.id2label = {number: names[places[_simple(label)]] for number, label in enumerate(labels)}
    config.label2id = {name: number for number, name in config.id2label.items()}
    return Classifier(model.train(), names, "by name")


@torch.no_grad()
def _put_in_order(model: nn.Module, order: Sequence[int]) -> None:
    """Makes output i what output `order[i]` was."""
    encoder = f"{model.base_model_prefix}."
    outer = [module for name, module in model.named_modules() if not f"{name}.".startswith(encoder)]
    layers = [module for module in outer if isinstance(module, nn.Linear)]
    last = layers[-1].weight.shape
    # DeiT with a teacher has two heads; a square one cannot be told from the layer before it.
    heads = [layer for layer in layers if layer.weight.shape == last] if last[0] != last[1] else layers[-1:]
    for parameter in (parameter for head in heads for parameter in head.parameters()):
        parameter.copy_(parameter[list(order)])


def _simple(name: str) -> str:
    """A name without what is often written differently: case, spaces, hyphens and underscores."""
    return re.sub(r"[\s_-]+", "", str(name).casefold())


def _count(names: Sequence[str]) -> str:
    return f"{len(names)} output{'s' * (len(names) > 1)} ({', '.join(map(str, names))})"
