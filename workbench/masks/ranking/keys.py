"""Keys: integers in the same order as floating-point numbers.

The bits of a float consist of a sign and a magnitude. The key of a non-negative number is its bits. The key
of a negative number is `lowest - bits`, the negative of its magnitude bits, where `lowest` is the smallest
integer, which has the bits of -0.0. Keys have the same order as the numbers, and -0.0 has the same key as
0.0. Keys compare exactly even if the processor treats subnormals as zero.
"""

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Layout:
    """A floating-point format in which numbers are compared.

    Attributes:
        real: the torch dtype.
        integer: the signed integer dtype of the same width.
        infinity: the key of positive infinity; keys of finite numbers are strictly between its negative and
            it.
        width: number of bits.
        mantissa: number of stored mantissa bits.
    """

    real: torch.dtype
    integer: torch.dtype
    infinity: int
    width: int
    mantissa: int


FLOAT32 = Layout(torch.float32, torch.int32, infinity=0xFF << 23, width=32, mantissa=23)
FLOAT64 = Layout(torch.float64, torch.int64, infinity=0x7FF << 52, width=64, mantissa=52)


def keys_of(bits: np.ndarray) -> np.ndarray:
    """The keys of numbers, given their bits as signed integers; slow."""
    return np.where(bits >= 0, bits, np.iinfo(bits.dtype).min - bits)
