"""The optimizers that a stage may train with."""

from collections.abc import Iterable

import torch
from torch import nn

from workbench.training.config import TrainingConfig

# What each optimizer averages for a parameter, by the names in its state.
MOMENTS = {"adamw": ("exp_avg", "exp_avg_sq"), "sgd": ("momentum_buffer",)}


def make_optimizer(
    config: TrainingConfig, parameters: Iterable[nn.Parameter], extra: Iterable[nn.Parameter], extra_lr: float
) -> torch.optim.Optimizer:
    """A fresh optimizer; the peak learning rate of each group of parameters is its "peak_lr".

    Args:
        config: of the stage.
        parameters: the model's.
        extra: a sparsifier's own, which are not decayed.
        extra_lr: their peak learning rate.
    """
    groups: list[dict] = [{"params": list(parameters), "peak_lr": config.lr}]
    if extra := list(extra):
        groups.append({"params": extra, "peak_lr": extra_lr, "weight_decay": 0.0})
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            groups, lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay
        )
    return torch.optim.AdamW(groups, lr=config.lr, weight_decay=config.weight_decay, fused=True)
