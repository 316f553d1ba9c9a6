"""Saliency criteria: functions from weights to scores; weights with high scores are kept.

A new criterion is one function. Its first parameter is a mapping of names to weight tensors, and it returns
scores under the same names in the same shapes. Further parameters name what else it needs:

    @criterion
    def squared(weights):
        return {name: weight.detach() ** 2 for name, weight in weights.items()}

`training.saliency` provides `seed`, an integer; `gradients`, a mapping with the gradient of the label loss for
each weight; and `input_norms`, a mapping with the norm of each input of a matrix over the examples, in a shape
that broadcasts to the weight's.
"""

from collections.abc import Callable, Mapping
from inspect import signature

import torch

from workbench.errors import BadInput
from workbench.plugins import Registry
from workbench.randomness import torch_generator

Scores = dict[str, torch.Tensor]
# What a criterion can ask for.
PROVIDED = {"seed", "gradients", "input_norms"}

CRITERIA: Registry[Callable[..., Scores]] = Registry("criterion")


def criterion(function: Callable[..., Scores]) -> Callable[..., Scores]:
    """Registers a criterion under the function's name.

    Raises:
        BadInput: the name is taken, or the function asks for something that no criterion can have.
    """
    parameters = list(signature(function).parameters)
    if not parameters or not set(parameters[1:]) <= PROVIDED:
        raise BadInput(
            f"criterion {function.__name__} has the parameters ({', '.join(parameters)}); the first is for the "
            f"weights, the others can be {', '.join(sorted(PROVIDED))}."
        )
    CRITERIA.add(function.__name__, function)
    return function


def find_criterion(name: str) -> Callable[..., Scores]:
    """The criterion registered under `name`; `BadInput` with the nearest names if there is none."""
    return CRITERIA[name]


@criterion
def magnitude(weights: Mapping[str, torch.Tensor]) -> Scores:
    """|w|, in the dtype of the weights."""
    return {name: weight.detach().abs() for name, weight in weights.items()}


@criterion
def random(weights: Mapping[str, torch.Tensor], seed: int) -> Scores:
    """Uniform in [0, 1), float64, so that ties practically never occur.

    Each matrix has its own generator, derived from (seed, "random", name).
    """
    return {
        name: torch.rand(weight.shape, generator=torch_generator(seed, "random", name), dtype=torch.float64)
        for name, weight in weights.items()
    }


@criterion
def first_order(weights: Mapping[str, torch.Tensor], gradients: Mapping[str, torch.Tensor]) -> Scores:
    """|w dL/dw|, the first-order estimate of the loss's change if the weight is removed.

    The gradient is that of the mean loss over all examples, as in SNIP (Lee et al. 2019), which applies it
    before training. The Taylor criterion of Molchanov et al. 2019 (arXiv 1906.10771) averages squares over
    mini-batches instead and ranks differently: gradients of opposite sign cancel here and not there. No source
    was found that applies either to single weights of BERT.
    """
    return {name: (weight.detach() * gradients[name]).abs() for name, weight in weights.items()}


@criterion
def wanda(weights: Mapping[str, torch.Tensor], input_norms: Mapping[str, torch.Tensor]) -> Scores:
    """|w_ij| ||x_j||, compared within each output row i (Sun et al. 2024, `lib/prune.py` of their code).

    Weights compete only within their row, so the score is a weight's rank in its row as a share of the row, in
    (0, 1], float64. All rows then keep the same share of their weights whatever is ranked together, and the
    scope of a mask matters only for the rounding of counts. Where the rows of a matrix cannot keep equally
    many, the products decide which rows keep one more. A convolution's row is the kernel of an output channel.
    Deviation: all norms are those of the unpruned model, while Wanda goes from layer to layer and takes the
    inputs that the pruned layers before produce.
    """
    return {name: _ranks(weight.detach().abs() * input_norms[name]) for name, weight in weights.items()}


def _ranks(products: torch.Tensor) -> torch.Tensor:
    """Ranks in rows as shares; equal ranks are ordered by the products, equal products by position."""
    rows = products.double().flatten(1)
    length = rows.shape[1]
    order = rows.argsort(dim=1, descending=True, stable=True)
    places = torch.arange(length, 0, -1, dtype=torch.float64, device=rows.device).expand_as(rows)
    ranks = torch.empty_like(rows).scatter_(1, order, places)
    largest = rows.max().clamp_min(torch.finfo(rows.dtype).tiny)
    return ((ranks - 0.5 + 0.5 * rows / largest) / length).reshape(products.shape)
