"""Gradients and input norms for saliency criteria, measured on a few batches."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from inspect import signature

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.models import prunable
from workbench.scores import Scores, find_criterion
from workbench.training.hardware import moved
from workbench.training.objective import label_loss, model_inputs

# 128 sequences, as Wanda's code takes (Sun et al. 2024).
CALIBRATION_BATCHES = 8
CALIBRATION_BATCH_SIZE = 16

_MEASURED = ("gradients", "input_norms")


def saliency(
    criterion: str,
    weights: Mapping[str, Tensor],
    *,
    seed: int,
    model: nn.Module,
    batches: Iterable[Mapping[str, Tensor]],
) -> Scores:
    """The scores of a criterion; its parameters name what it is called with.

    Args:
        criterion: its name.
        weights: the weights to score, by parameter name.
        seed: seed of a random criterion.
        model: model on which gradients and inputs are measured, in eval mode; its parameters must require
            gradients.
        batches: batches with labels; read only if the criterion needs them.

    Returns:
        A score for each weight; weights with high scores are kept.

    Raises:
        BadInput: no such criterion.
    """
    function = find_criterion(criterion)
    needs = list(signature(function).parameters)[1:]
    provided = {"seed": seed} | (_measure(model, batches) if set(needs) & set(_MEASURED) else {})
    return function(weights, **{name: provided[name] for name in needs})


def label_gradients(
    model: nn.Module, batches: Iterable[Mapping[str, Tensor]]
) -> Iterator[tuple[int, dict[str, Tensor]]]:
    """Gradients of the mean label loss of each batch, without dropout and without distillation.

    Args:
        model: a model whose parameters require gradients; `.grad` is not changed.
        batches: batches with labels.

    Yields:
        The number of examples in a batch, and the gradients of the prunable weights by name.
    """
    weights = prunable(model)
    device = next(model.parameters()).device
    with _evaluating(model):
        for batch in batches:
            batch = moved(batch, device)
            labels = batch["labels"]
            loss = label_loss(model(**model_inputs(batch)).logits.float(), labels)
            gradients = torch.autograd.grad(loss, tuple(weights.values()))
            yield len(labels), dict(zip(weights, gradients, strict=True))


def _measure(model: nn.Module, batches: Iterable[Mapping[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
    """Gradient of the mean label loss over all examples, and norms of inputs over all tokens."""
    norms, total = _InputNorms(model), 0
    gradients = {name: torch.zeros_like(weight) for name, weight in prunable(model).items()}
    with norms:
        for count, batch_gradients in label_gradients(model, norms.watch(batches)):
            total += count
            for name, gradient in batch_gradients.items():
                gradients[name] += count * gradient
    mean = {name: gradient / total for name, gradient in gradients.items()}
    return {"gradients": mean, "input_norms": norms.result()}


class _InputNorms:
    """l2 norms of the inputs of prunable matrices, over all tokens but padding.

    A convolution's inputs are the pixels under its kernel.
    """

    def __init__(self, model: nn.Module):
        self._weights = prunable(model)
        names = {id(weight): name for name, weight in self._weights.items()}
        modules = [module for module in model.modules() if id(getattr(module, "weight", None)) in names]
        self._names = {module: names[id(module.weight)] for module in modules}
        self._squares = {name: torch.zeros((), dtype=torch.float64) for name in self._weights}
        self._present: Tensor | None = None

    def __enter__(self) -> None:
        self._hooks = [module.register_forward_pre_hook(self._add) for module in self._names]

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def watch(self, batches: Iterable[Mapping[str, Tensor]]) -> Iterator[Mapping[str, Tensor]]:
        """Yields the batches, and remembers which tokens of each are padding."""
        for batch in batches:
            self._present = batch.get("attention_mask")
            yield batch

    def result(self) -> dict[str, Tensor]:
        """The norms, in shapes that broadcast to the weights'."""
        return {
            name: self._squares[name].sqrt().reshape(weight.shape[1:])
            for name, weight in self._weights.items()
        }

    @torch.no_grad()
    def _add(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0]
        if isinstance(module, nn.Conv2d):
            window = (module.kernel_size, module.dilation, module.padding, module.stride)
            values = F.unfold(values, *window).mT
        elif self._present is not None and values.shape[:-1] == self._present.shape:
            # Other inputs, such as the relative positions of DeBERTa, are no tokens and have no padding.
            values = values[self._present.bool().to(values.device)]
        squares = values.flatten(0, -2).double().square().sum(0)
        name = self._names[module]
        self._squares[name] = self._squares[name].to(squares.device) + squares


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
