"""Losses that are not finite, found without waiting for the device in every step."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from workbench.errors import WorkbenchError

# Steps between reads of the loss on a GPU. Reading waits until the GPU has done everything that it was given.
GPU_READ_EVERY = 10


class NonFiniteLoss(ArithmeticError):
    """The loss became NaN or infinite, or the weights did."""


class LossWatch:
    """Reads losses, and finds those that are not finite.

    If it reads only some of them, the steps in between are taken whatever the loss is. Before the weights are
    used or saved, `check` must be called.

    Args:
        device: of the losses.
        every: steps between reads; 1 reads each loss before its step is taken. None for 1 on a CPU and
            `GPU_READ_EVERY` on a GPU.
    """

    def __init__(self, device: torch.device, every: int | None = None):
        self._every = every or (GPU_READ_EVERY if device.type == "cuda" else 1)
        self._added = 0
        # On the device: whether all losses since the last check are finite, and how many come before the
        # first that is not.
        self._finite = torch.ones((), dtype=torch.bool, device=device)
        self._good = torch.zeros((), dtype=torch.int64, device=device)

    @torch.no_grad()
    def take(self, loss: Tensor, step: int, last: bool) -> float | None:
        """Takes the loss of an optimizer step.

        Args:
            loss: scalar, on the device.
            step: the step's number, from 1.
            last: whether it is the last one, whose loss is always read.

        Returns:
            The loss; None if it was not read.

        Raises:
            NonFiniteLoss: it was read, and it or an earlier one is NaN or infinite.
        """
        if self._every == 1:
            value = loss.item()
            if not math.isfinite(value):
                raise NonFiniteLoss(f"the loss is {value} at step {step}")
            return value
        self._finite &= torch.isfinite(loss)
        self._good += self._finite
        self._added += 1
        self._step = step
        if step % self._every and not last:
            return None
        self.check()
        return loss.item()

    def check(self) -> None:
        """Checks the losses since the last check.

        Raises:
            NonFiniteLoss: one of them is NaN or infinite; the message names the first one's step.
        """
        if self._added == 0:
            return
        bad = self._added - self._good.item()
        self._added = 0
        self._good.zero_()
        if bad:
            raise NonFiniteLoss(f"the loss is not finite at step {self._step - bad + 1}")

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Raises `NonFiniteLoss` for weights that cannot be pruned inside because a loss was not finite."""
        try:
            yield
        except WorkbenchError:
            self.check()
            raise
