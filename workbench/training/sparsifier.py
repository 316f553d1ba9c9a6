"""What decides, step by step, which weights of a training model are zero."""

from collections.abc import Iterable, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from workbench.masks import Mask
from workbench.models import prunable
from workbench.training.config import TrainingConfig


class Training(Protocol):
    """What a sparsifier sees of the trainer.

    Attributes:
        model: the student.
        config: how it trains.
        optimizer: with `state` by parameter, as torch has it.
        step: optimizer steps done.
    """

    model: nn.Module
    config: TrainingConfig
    optimizer: torch.optim.Optimizer
    step: int

    def sample(self, count: int, batch_size: int) -> Iterable[dict[str, Tensor]]:
        """Batches of training examples for a look at the model, on its device, with labels.

        They are a function of the run's seed, the stage and `step`.
        """


class Sparsifier:
    """A dense training, and the base of what makes it sparse.

    The trainer calls `attach` once, then `begin` (or `restore`, out of a checkpoint) as soon as the model
    holds the weights that training starts from, and in every step `before_forward`, `before_step`
    and `after_step`. Methods that a subclass leaves out do nothing.

    Attributes:
        lr: peak learning rate of `parameters`; it follows the config's schedule.
        settled: whether the sparsity is the final one. Weights are kept from settled evaluations only.
        changed_at: optimizer steps done when the mask last changed.
        settled_at: optimizer steps done when the sparsity became, or will become, the final one.
    """

    lr: float = 0.0
    settled: bool = True
    changed_at: int = 0
    settled_at: int = 0

    def attach(self, training: Training) -> None:
        """Takes hold of a trainer and makes `parameters`.

        Raises:
            BadInput: the model is not one that this can make sparse.
        """
        self.training = training
        self.weights = prunable(training.model)

    def begin(self) -> None:
        """Starts from the weights that the model holds."""

    def parameters(self) -> Mapping[str, nn.Parameter]:
        """What is trained besides the model, such as scores, without weight decay."""
        return {}

    def before_forward(self) -> None:
        """A step begins; `training.step` does not count it yet, and there are no gradients."""

    def penalty(self) -> Tensor | None:
        """What is added to the loss of the coming step."""
        return None

    def before_step(self) -> None:
        """Gradients stand in `.grad`, not yet clipped."""

    def after_step(self) -> None:
        """The optimizer has moved the weights; `training.step` counts the step."""

    @property
    def mask(self) -> Mask | None:
        """The mask at present; None for a dense training."""
        return None

    def check(self) -> None:
        """Looks at the weights before they are saved.

        Raises:
            RuntimeError: they are not as this sparsifier promises, which would be its defect.
        """

    def tensors(self) -> dict[str, Tensor]:
        """Its own state, besides `parameters`, for `restore`."""
        return {}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Goes on from `tensors()`; model, optimizer and parameters are restored already."""
        self.begin()


class FixedMask(Sparsifier):
    """One mask for the whole training.

    It is applied to the weights at the start and after every optimizer step, as in paper A's code:
    masking the gradients alone would let Adam's momentum revive weights. The gradients are masked as well, so
    that clipping measures the norm of what is trained; the released code does not clip.
    """

    def __init__(self, mask: Mask):
        self._mask = mask

    def attach(self, training: Training) -> None:
        """Refuses a mask of another model."""
        super().attach(training)
        self._mask.apply_(training.model)
        self._masked = [
            (name, self.weights[name], self._mask[name].to(self.weights[name])) for name in self._mask.names
        ]

    def begin(self) -> None:
        """Sets the pruned weights to zero."""
        self.after_step()

    @torch.no_grad()
    def before_step(self) -> None:
        """Sets the gradients of pruned weights to zero."""
        for _, weight, keep in self._masked:
            if weight.grad is not None:
                weight.grad.mul_(keep)

    @torch.no_grad()
    def after_step(self) -> None:
        """Sets the pruned weights to zero."""
        for _, weight, keep in self._masked:
            weight.mul_(keep)

    @property
    def mask(self) -> Mask:
        """The mask."""
        return self._mask

    @torch.no_grad()
    def check(self) -> None:
        """Every pruned weight must be zero."""
        for name, weight, keep in self._masked:
            if torch.count_nonzero(weight * (1 - keep)):
                raise RuntimeError(f"a pruned weight of {name} revived at step {self.training.step}")
