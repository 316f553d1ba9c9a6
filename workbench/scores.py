"""Saliency criteria: functions from weights to scores; weights with high scores are kept.

A new criterion is one function. Its first parameter maps names to weight tensors, and it returns scores with
the same names and shapes. Its other parameters name the additional inputs that it needs:

    @criterion
    def squared(weights):
        return {name: weight.detach() ** 2 for name, weight in weights.items()}

`training.saliency` provides `seed`, an integer; `gradients`, the gradient of the label loss for each weight;
and `input_norms`, the norm of each input of a matrix over the examples, in a shape that broadcasts to the
weight. Gradients and norms are mappings by name.
"""

from collections.abc import Callable, Mapping
from inspect import signature

import torch

from workbench.errors import BadInput
from workbench.plugins import Registry
from workbench.randomness import torch_generator

Scores = dict[str, torch.Tensor]
# The additional inputs that a criterion can ask for.
PROVIDED = {"seed", "gradients", "input_norms"}

CRITERIA: Registry[Callable[..., Scores]] = Registry("criterion")


def criterion(function: Callable[..., Scores]) -> Callable[..., Scores]:
    """Registers a criterion under the function's name.

    Raises:
        BadInput: the name is taken, or a parameter names an input that does not exist.
    """
    parameters = list(signature(function).parameters)
    if not parameters or not set(parameters[1:]) <= PROVIDED:
        raise BadInput(
            f"criterion {function.__name__} has the parameters ({', '.join(parameters)}). The first must be "
            f"the weights; the others can be {', '.join(sorted(PROVIDED))}."
        )
    CRITERIA.add(function.__name__, function)
    return function


def find_criterion(name: str) -> Callable[..., Scores]:
    """The criterion registered under `name`; raises `BadInput` with the closest names if there is none."""
    return CRITERIA[name]


@criterion
def magnitude(weights: Mapping[str, torch.Tensor]) -> Scores:
    """|w|, in the dtype of the weights."""
    return {name: weight.detach().abs() for name, weight in weights.items()}


@criterion
def random(weights: Mapping[str, torch.Tensor], seed: int) -> Scores:
    """Uniform in [0, 1), float64, so that there are practically no ties.

    Each matrix has its own generator, derived from (seed, "random", name).
    """
    return {
        name: torch.rand(weight.shape, generator=torch_generator(seed, "random", name), dtype=torch.float64)
        for name, weight in weights.items()
    }


@criterion
def first_order(weights: Mapping[str, torch.Tensor], gradients: Mapping[str, torch.Tensor]) -> Scores:
    """|w dL/dw|, the first-order estimate of how much the loss changes if the weight is removed.

    The gradient is that of the mean loss over all examples, as in SNIP (Lee et al. 2019), which computes it
    before training. The Taylor criterion of Molchanov et al. 2019 (arXiv 1906.10771) averages squares over
    mini-batches instead and ranks differently: there, gradients of opposite sign do not cancel. We found no
    source that applies either to single weights of BERT.
    """
    return {name: (weight.detach() * gradients[name]).abs() for name, weight in weights.items()}


@criterion
def wanda(weights: Mapping[str, torch.Tensor], input_norms: Mapping[str, torch.Tensor]) -> Scores:
    """|w_ij| ||x_j||, compared within each output row i (Sun et al. 2024, `lib/prune.py` of their code).

    Weights compete only within their row: the score is a weight's rank in its row, divided by the row's
    length, in (0, 1], float64. All rows therefore keep the same share of their weights regardless of the
    scope, which only affects how counts are rounded. If the rows of a matrix cannot all keep the same number,
    the products decide which rows keep one more. In a convolution, a row is the kernel of one output channel.
    Deviation: all norms are those of the unpruned model, whereas Wanda prunes layer by layer and uses the
    inputs that the previous, pruned layers produce.
    """
    return {name: _ranks(weight.detach().abs() * input_norms[name]) for name, weight in weights.items()}


def _ranks(products: torch.Tensor) -> torch.Tensor:
    """Ranks in rows, scaled to (0, 1]; equal ranks are ordered by product, equal products by position."""
    rows = products.double().flatten(1)
    length = rows.shape[1]
    order = rows.argsort(dim=1, descending=True, stable=True)
    descending = torch.arange(length, 0, -1, dtype=torch.float64, device=rows.device).expand_as(rows)
    ranks = torch.empty_like(rows).scatter_(1, order, descending)
    largest = rows.max().clamp_min(torch.finfo(rows.dtype).tiny)
    return ((ranks - 0.5 + 0.5 * rows / largest) / length).reshape(products.shape)
