"""The bits of one matrix, packed eight per byte and counted exactly."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workbench.errors import BadInput


@dataclass(frozen=True, eq=False)
class PackedMatrix:
    """A boolean array of any shape in the layout of `numpy.packbits`.

    Args:
        shape: the array's shape; every dimension is at least 1.
        bits: uint8, ceil(numel / 8) bytes in C order, with the first weight in the most significant bit. The
            padding bits after the last weight are zero, so that equal arrays have equal bytes.

    Raises:
        BadInput: the bytes do not fit the shape, or padding bits are set.
    """

    shape: tuple[int, ...]
    bits: np.ndarray

    def __post_init__(self):
        if self.numel < 1:
            raise BadInput(f"shape {self.shape} has no weights; every dimension must be at least 1")
        size = math.ceil(self.numel / 8)
        if self.bits.dtype != np.uint8 or self.bits.shape != (size,):
            raise BadInput(
                f"shape {self.shape} needs {size} bytes of uint8, "
                f"not {self.bits.dtype} of shape {self.bits.shape}"
            )
        if self.numel % 8 and self.bits[-1] & ~self._last_byte:
            raise BadInput(f"padding bits after the last of {self.numel} weights are set; they must be zero")
        self.bits.setflags(write=False)

    @classmethod
    def pack(cls, array: np.ndarray) -> "PackedMatrix":
        """Packs a boolean `array` of any shape."""
        return cls(array.shape, np.packbits(array.reshape(-1)))

    def unpack(self) -> np.ndarray:
        """The boolean array, newly allocated."""
        return np.unpackbits(self.bits, count=self.numel).view(bool).reshape(self.shape)

    @cached_property
    def numel(self) -> int:
        """Number of weights, kept or not."""
        return math.prod(self.shape)

    @cached_property
    def kept(self) -> int:
        """Number of set bits, exact."""
        return popcount(self.bits)

    @property
    def _last_byte(self) -> np.uint8:
        """The last byte of a matrix that keeps everything."""
        return np.uint8(0xFF << (-self.numel % 8) & 0xFF)

    def __and__(self, other: "PackedMatrix") -> "PackedMatrix":
        return PackedMatrix(self.shape, self.bits & other.bits)

    def __or__(self, other: "PackedMatrix") -> "PackedMatrix":
        return PackedMatrix(self.shape, self.bits | other.bits)

    def __xor__(self, other: "PackedMatrix") -> "PackedMatrix":
        return PackedMatrix(self.shape, self.bits ^ other.bits)

    def __invert__(self) -> "PackedMatrix":
        inverted = ~self.bits
        inverted[-1] &= self._last_byte
        return PackedMatrix(self.shape, inverted)


def popcount(bits: np.ndarray) -> int:
    """Number of set bits in a contiguous uint8 array, counted in int64."""
    rest = bits.size % 8
    if rest:
        return popcount(bits[:-rest]) + int(np.bitwise_count(bits[-rest:]).sum(dtype=np.int64))
    return int(np.bitwise_count(bits.view(np.uint64)).sum(dtype=np.int64))


def content_digest(matrices: Mapping[str, PackedMatrix]) -> str:
    """A BLAKE2b-256 hex digest of names, shapes and bits, independent of the order of the names."""
    state = hashlib.blake2b(digest_size=32)
    for name in sorted(matrices):
        matrix = matrices[name]
        state.update(f"{len(name)}:{name}{matrix.shape}".encode())
        state.update(matrix.bits)
    return state.hexdigest()
