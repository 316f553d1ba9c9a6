"""Sparsifiers: they decide at every step which weights of a model in training are zero."""

from collections.abc import Iterable, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from workbench.masks import Mask
from workbench.models import prunable
from workbench.training.config import TrainingConfig


class Training(Protocol):
    """The part of the trainer that a sparsifier uses.

    Attributes:
        model: the student.
        config: the training configuration.
        optimizer: a torch optimizer, with `state` by parameter.
        step: number of optimizer steps done.
    """

    model: nn.Module
    config: TrainingConfig
    optimizer: torch.optim.Optimizer
    step: int

    def sample(self, count: int, batch_size: int) -> Iterable[dict[str, Tensor]]:
        """Batches of training examples with labels, on the model's device, for measurements.

        They are a function of the run's seed, the stage and `step`.
        """

    def hold(self, mask: Mask | None) -> None:
        """Declares a mask fixed until the next call; layers of the model may be replaced by sparse ones."""


class Sparsifier:
    """Base class; by itself it leaves the training dense.

    The trainer calls `attach` once, then `begin` (or `restore`, from a checkpoint) as soon as the model
    holds the weights that training starts from, and in every step `before_forward`, `before_step` and
    `after_step`. Methods that a subclass does not override do nothing. `training` is a weak reference: a
    sparsifier does not keep its trainer alive.

    Attributes:
        weights: the prunable matrices that are dense parameters of the model now.
        lr: peak learning rate of `parameters`; it follows the schedule of the configuration.
        settled: whether the sparsity is final, and where the mask stops changing, the mask as well. Weights
            are kept only from evaluations at which it is.
        changed_at: optimizer steps done when the mask last changed.
        settled_at: optimizer steps done when the sparsity became, or will become, final.
    """

    lr: float = 0.0
    settled: bool = True
    changed_at: int = 0
    settled_at: int = 0

    def attach(self, training: Training) -> None:
        """Stores the trainer and creates `parameters`.

        Raises:
            BadInput: the model cannot be made sparse in this way.
        """
        self.training = training
        self.weights = prunable(training.model)

    def hold(self, mask: Mask | None) -> None:
        """Tells the trainer that a mask stays until the next call, so that it may compute sparsely.

        The matrices that it then computes sparsely, with neither pruned weights nor gradients or moments of
        them, are not among `weights`.
        """
        self.training.hold(mask)
        self.weights = prunable(self.training.model)

    def begin(self) -> None:
        """Called when the model holds the weights that the training starts from."""

    def parameters(self) -> Mapping[str, nn.Parameter]:
        """Parameters trained in addition to the model's, such as scores, without weight decay."""
        return {}

    def before_forward(self) -> None:
        """Called before the forward pass; `training.step` does not count the step, gradients are None."""

    def penalty(self) -> Tensor | None:
        """A term added to the loss of the current step; None for no term."""
        return None

    def before_step(self) -> None:
        """Called after the backward pass; the gradients are in `.grad`, not clipped yet."""

    def after_step(self) -> None:
        """Called after the optimizer's update; `training.step` counts the step."""

    @property
    def mask(self) -> Mask | None:
        """The current mask; None for a dense training."""
        return None

    def check(self) -> None:
        """Checks the weights before they are saved.

        Raises:
            RuntimeError: they are not what this sparsifier guarantees, which is a defect.
        """

    def tensors(self) -> dict[str, Tensor]:
        """Its own state, without `parameters`, as `restore` takes it."""
        return {}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restores what `tensors()` returned; model, optimizer and parameters are already restored."""
        self.begin()


class FixedMask(Sparsifier):
    """One mask for the whole training.

    It is applied to the weights at the start and after every optimizer step, as in paper A's code. Masking
    the gradients alone would let Adam's momentum revive weights. The gradients are masked as well, so that
    clipping measures the norm of what is trained; the released code does not clip.
    """

    def __init__(self, mask: Mask):
        self._mask = mask

    def attach(self, training: Training) -> None:
        """Applies the mask; rejects one that was made for another model."""
        super().attach(training)
        self._mask.apply_(training.model)
        self.hold(self._mask)
        self._masked = [
            (name, self.weights[name], self._mask[name].to(self.weights[name]))
            for name in self._mask.names
            if name in self.weights
        ]

    @torch.no_grad()
    def begin(self) -> None:
        """Sets the pruned weights and their moments to zero."""
        self.after_step()
        for _, weight, keep in self._masked:
            for moment in self.training.optimizer.state.get(weight, {}).values():
                if moment.shape == weight.shape:
                    moment.mul_(keep)

    @torch.no_grad()
    def before_step(self) -> None:
        """Sets the gradients of pruned weights to zero."""
        multiply((weight.grad, keep) for _, weight, keep in self._masked if weight.grad is not None)

    @torch.no_grad()
    def after_step(self) -> None:
        """Sets the pruned weights to zero."""
        multiply((weight, keep) for _, weight, keep in self._masked)

    @property
    def mask(self) -> Mask:
        """The mask."""
        return self._mask

    @torch.no_grad()
    def check(self) -> None:
        """Checks that every pruned weight is zero."""
        for name, weight, keep in self._masked:
            if torch.count_nonzero(weight * (1 - keep)):
                raise RuntimeError(f"a pruned weight of {name} revived at step {self.training.step}")


def multiply(pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Multiplies each first tensor by the second, in place; on a GPU in few launches."""
    pairs = list(pairs)
    if pairs:
        torch._foreach_mul_(*map(list, zip(*pairs, strict=True)))
