"""The optimizer of a training."""

from collections.abc import Iterable

import torch
from torch import nn

from workbench.training.config import TrainingConfig
from workbench.training.sparsifier import Sparsifier

# The tensors that each optimizer keeps for a parameter, in the shape of the parameter.
MOMENTS = {"adamw": ("exp_avg", "exp_avg_sq"), "sgd": ("momentum_buffer",)}


def make_optimizer(
    config: TrainingConfig, parameters: Iterable[nn.Parameter], sparsifier: Sparsifier
) -> torch.optim.Optimizer:
    """The optimizer of a configuration, for a model's parameters and, without decay, a sparsifier's.

    The schedule multiplies the "peak_lr" of each group.
    """
    groups: list[dict] = [{"params": list(parameters), "peak_lr": config.lr}]
    if extra := list(sparsifier.parameters().values()):
        groups.append({"params": extra, "peak_lr": sparsifier.lr, "weight_decay": 0.0})
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            groups, lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay
        )
    return torch.optim.AdamW(groups, lr=config.lr, weight_decay=config.weight_decay, fused=True)
