"""Fast dropout on a CPU: the mask is a hash of a key and of each position, and is not stored."""

import functools

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from workbench.compute.kernels.dropout import STEP, drop
from workbench.compute.memory import empty, numbers
from workbench.masks.parallel import each
from workbench.randomness import derive

# Sixteen random bits decide whether a number is dropped.
_LEVELS = 1 << 16
_CHUNK = (1 << 16) // STEP * STEP


class QuickDropout(TorchFunctionMode):
    """In this context, `torch.nn.functional.dropout`, which torch's modules call too, draws from a key.

    The probability of a zero is rounded to a multiple of 2^-16, and kept numbers are divided by the resulting
    probability of being kept, so that means do not change. The choices depend on the key, on the number of
    earlier calls, and on the position of each number. Calls that are in place, on other devices or in other
    formats use torch's own dropout.

    Args:
        key: names the random stream.
    """

    def __init__(self, *key: str | int):
        super().__init__()
        self._key = key
        self._calls = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        """Replaces dropout, and calls any other function of torch."""
        if function is F.dropout:
            return self._dropout(*args, **kwargs or {})
        return function(*args, **kwargs or {})

    def _dropout(self, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        known = input.device.type == "cpu" and input.dtype in (torch.float32, torch.bfloat16)
        dropped = round(p * _LEVELS)
        if not (training and known) or inplace or not 0 < dropped < _LEVELS:
            return F.dropout(input, p, training, inplace)
        self._calls += 1
        return _Dropout.apply(input, derive(*self._key, self._calls), dropped)


class _Dropout(Function):
    @staticmethod
    def forward(ctx, x, key, dropped):
        ctx.choice = key, dropped
        return _dropped(x, key, dropped)

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        return _dropped(g, *ctx.choice), None, None


def _dropped(x: Tensor, key: int, dropped: int) -> Tensor:
    x = x.contiguous()
    y = empty(x.shape, x.dtype)
    scale = np.float32(_LEVELS / (_LEVELS - dropped))
    arrays = numbers(x).reshape(-1), numbers(y).reshape(-1)
    work = functools.partial(drop(), *arrays, np.uint64(key), np.int64(dropped), scale)
    starts = range(0, x.numel(), _CHUNK)
    jobs = [(start, min(start + _CHUNK, x.numel())) for start in starts]
    each(work, jobs, serial=len(jobs) < 4)
    return y
