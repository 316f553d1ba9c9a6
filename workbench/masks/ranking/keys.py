"""Floating-point numbers as integers in the same order.

The bits of a float are a sign and a magnitude. Those of a non-negative number are its key. Those of a
negative number give `lowest - bits`, minus its magnitude, where `lowest` is the smallest integer, the bits of
-0.0. Keys order as the numbers do, and -0.0 has the key of 0.0. They compare exactly even where the
processor takes subnormals for zero.
"""

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Layout:
    """A floating-point format that numbers are compared in.

    Attributes:
        real: its torch type.
        integer: the signed integer type of the same width.
        infinity: the key of positive infinity; finite numbers have keys strictly between minus that and that.
        width: its bits.
        mantissa: those that its mantissa is stored in.
    """

    real: torch.dtype
    integer: torch.dtype
    infinity: int
    width: int
    mantissa: int


FLOAT32 = Layout(torch.float32, torch.int32, infinity=0xFF << 23, width=32, mantissa=23)
FLOAT64 = Layout(torch.float64, torch.int64, infinity=0x7FF << 52, width=64, mantissa=52)


def keys_of(bits: np.ndarray) -> np.ndarray:
    """The keys of numbers, given their bits as signed integers; slowly."""
    return np.where(bits >= 0, bits, np.iinfo(bits.dtype).min - bits)
