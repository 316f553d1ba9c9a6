"""Saliency criteria: functions from weights to scores, where a high score means keep.

A new criterion is one function. It takes a mapping of names to weight tensors first, returns scores
under the same names in the same shapes, and says by further parameters what else it needs:

    @criterion
    def squared(weights):
        return {name: weight.detach() ** 2 for name, weight in weights.items()}
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
