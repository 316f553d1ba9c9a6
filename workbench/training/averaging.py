"""Averages of weights over trainings, and the statistics that have to be recomputed for them."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import update_bn

from workbench.training.hardware import moved


def mean_of(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The uniform mean of weights with equal names; integers (counters) are taken from the first state.

    Weights that are zero in every state are exactly zero in the mean. The mean of one state is that state.
    States that read their tensors from files are read one tensor at a time.
    """
    first, *others = states
    return {
        name: sum((state[name] for state in others), start=value) / len(states)
        if value.is_floating_point()
        else value
        for name, value in first.items()
    }


class RunningMean:
    """The mean of a training's parameters over some of its steps.

    Attributes:
        values: by name.
        count: how many have entered it.
    """

    def __init__(self):
        self.values: dict[str, Tensor] = {}
        self.count = 0

    @torch.no_grad()
    def add(self, parameters: Mapping[str, Tensor]) -> None:
        """Takes the present values of the parameters in."""
        self.count += 1
        for name, parameter in parameters.items():
            if self.count == 1:
                self.values[name] = parameter.detach().clone()
            else:
                self.values[name].lerp_(parameter, 1 / self.count)


def has_batchnorm(model: nn.Module) -> bool:
    """Whether the model has running statistics, which averaged weights invalidate."""
    return any(isinstance(module, _BatchNorm) for module in model.modules())


@torch.no_grad()
def recalibrate(model: nn.Module, batches: Iterable[Mapping[str, Tensor]]) -> None:
    """Recomputes BatchNorm's running statistics over image batches; without BatchNorm no batch is read."""
    if has_batchnorm(model):
        device = next(model.parameters()).device
        update_bn((moved(batch, device)["pixel_values"] for batch in batches), model)
