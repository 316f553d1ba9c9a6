"""Saliency criteria: functions from weights to scores, where a high score means keep.

A new criterion is one function. It takes a mapping of names to weight tensors first, returns scores
under the same names in the same shapes, and says by further parameters what else it needs:

    @criterion
    def squared(weights):
        return {name: weight.detach() ** 2 for name, weight in weights.items()}

What a criterion can ask for (`training.saliency` provides it): `seed`, an integer; `gradients`, a mapping
with the gradient of the label loss for each weight; `input_norms`, a mapping with the norm of what came in
at each input of a matrix, in a shape that broadcasts to the weight's.
"""

from collections.abc import Callable, Mapping

import torch

from workbench.errors import BadInput, unknown
from workbench.randomness import torch_generator

Scores = dict[str, torch.Tensor]

_criteria: dict[str, Callable[..., Scores]] = {}


def criterion(function: Callable[..., Scores]) -> Callable[..., Scores]:
    """Registers a criterion under the function's name.

    Raises:
        BadInput: another function has that name.
    """
    if function.__name__ in _criteria:
        raise BadInput(f"there is a criterion {function.__name__!r} already; give this one another name")
    _criteria[function.__name__] = function
    return function


def find_criterion(name: str) -> Callable[..., Scores]:
    """The criterion registered under `name`.

    Raises:
        BadInput: there is none.
    """
    if name not in _criteria:
        raise unknown("criterion", name, _criteria)
    return _criteria[name]


@criterion
def magnitude(weights: Mapping[str, torch.Tensor]) -> Scores:
    """|w|, in the dtype of the weights."""
    return {name: weight.detach().abs() for name, weight in weights.items()}


@criterion
def random(weights: Mapping[str, torch.Tensor], seed: int) -> Scores:
    """Uniform in [0, 1): float64, so that ties practically do not occur.

    Each matrix has its own generator, derived from (seed, "random", name).
    """
    return {
        name: torch.rand(weight.shape, generator=torch_generator(seed, "random", name), dtype=torch.float64)
        for name, weight in weights.items()
    }


@criterion
def first_order(weights: Mapping[str, torch.Tensor], gradients: Mapping[str, torch.Tensor]) -> Scores:
    """|w dL/dw|, the first-order estimate of how much the loss changes without the weight.

    The gradient is that of the mean loss over all examples, as in SNIP (Lee et al. 2019), which ranks a
    network before its training by it. The Taylor criterion of Molchanov et al. 2019 (arXiv 1906.10771)
    averages the square over mini-batches instead, which does not rank alike: gradients of different signs
    cancel here and not there. A source that applies either to single weights of BERT was NOT FOUND.
    """
    return {name: (weight.detach() * gradients[name]).abs() for name, weight in weights.items()}


@criterion
def wanda(weights: Mapping[str, torch.Tensor], input_norms: Mapping[str, torch.Tensor]) -> Scores:
    """|w_ij| ||x_j||, compared within each output row i (Sun et al. 2024, `lib/prune.py` of their code).

    A row is compared with itself alone, so the score is the rank of a weight within its row, as a share of
    the row in (0, 1]: whatever is ranked together, all rows keep the same share of their weights, and the
    scope that a mask is made with makes no difference but for the counts' rounding. Where the rows of a
    matrix cannot keep equally many, the products decide which rows keep one more. float64. Of a
    convolution, a row is the kernel of an output channel. All norms are those of the model as it is, where
    Wanda goes from layer to layer and takes the inputs that the layer before gives once it is pruned.
    """
    return {name: _ranks(weight.detach().abs() * input_norms[name]) for name, weight in weights.items()}


def _ranks(products: torch.Tensor) -> torch.Tensor:
    """Ranks in rows as shares, equal ones told apart by the products; of equal products the first leads."""
    rows = products.double().flatten(1)
    length = rows.shape[1]
    order = rows.argsort(dim=1, descending=True, stable=True)
    places = torch.arange(length, 0, -1, dtype=torch.float64, device=rows.device).expand_as(rows)
    ranks = torch.empty_like(rows).scatter_(1, order, places)
    largest = rows.max().clamp_min(torch.finfo(rows.dtype).tiny)
    return ((ranks - 0.5 + 0.5 * rows / largest) / length).reshape(products.shape)
