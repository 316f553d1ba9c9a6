"""Uniform random numbers as a function of (key, index): the same in any order and on any device.

The function is SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA
2014): the index-th state of a Weyl sequence that starts at the key, passed through Stafford's mixer 13. It is
implemented twice, for compiled loops and for torch, whose int64 arithmetic wraps around like uint64.

Importing this module compiles it, so functions that need it import it when they are called.
"""

import numpy as np
import torch
from numba import njit

_GAMMA, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_GAMMA_U, _FIRST_U, _SECOND_U = np.uint64(_GAMMA), np.uint64(_FIRST), np.uint64(_SECOND)


@njit(inline="always")
def hashed(key: np.uint64, index: int) -> np.uint64:
    """64 random bits; `index` counts from 0."""
    x = key + np.uint64(index) * _GAMMA_U
    x = (x ^ (x >> np.uint64(30))) * _FIRST_U
    x = (x ^ (x >> np.uint64(27))) * _SECOND_U
    return x ^ (x >> np.uint64(31))


@njit(inline="always")
def uniform(bits: np.uint64) -> float:
    """A number in [2**-53, 1 - 2**-53] from the upper 52 of 64 random bits, exact in float64."""
    return (np.float64(bits >> np.uint64(12)) + 0.5) * 2.0**-52


def hashed_torch(key: int, start: int, stop: int, device: torch.device) -> torch.Tensor:
    """`hashed` of start .. stop-1 on a device, as int64 with the same bits."""
    x = torch.arange(start, stop, device=device) * _signed(_GAMMA) + _signed(key)
    x = (x ^ shifted(x, 30)) * _signed(_FIRST)
    x = (x ^ shifted(x, 27)) * _signed(_SECOND)
    return x ^ shifted(x, 31)


def shifted(x: torch.Tensor, places: int) -> torch.Tensor:
    """Shifts int64 to the right as if it were uint64."""
    return (x >> places) & ((1 << (64 - places)) - 1)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
