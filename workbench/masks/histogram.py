"""How many weights of each magnitude a matrix has."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

import numpy as np

from workbench.masks.keys import Layout, Vector, not_finite

# Mantissa bits that a bin keeps: 1024 bins an octave, each at most a thousandth of its magnitude wide.
BIN_BITS = 10


@dataclass(frozen=True, eq=False)
class Histogram:
    """The magnitudes of weights, counted exactly in narrow bins.

    Bins follow the bits of floating-point numbers: bin b holds the magnitudes above edge b - 1 up to
    edge b, which is the number with the bits `b << shift`. So bin 0 holds the zeros and nothing else.

    Attributes:
        layout: whose bits are meant.
        bins: int64, ascending, those that hold weights, without bin 0.
        counts: int64, how many weights each of them holds.
        zeros: the number of weights that are zero.
    """

    layout: Layout
    bins: np.ndarray
    counts: np.ndarray
    zeros: int

    @classmethod
    def of(cls, vector: Vector) -> "Histogram":
        """Counts a vector in one pass.

        Raises:
            BadInput: it has NaN or infinite entries.
        """
        shift = bin_shift(vector.layout)
        infinity = vector.layout.infinity >> shift
        # The last bin is for NaN, the one before for infinity and the largest numbers.
        table = np.zeros(infinity + 2, dtype=np.int64)
        kernels = kernels_for(vector)
        for start, stop in vector.spans():
            kernels.count_bins(vector.bits(start, stop), shift, table)
        if table[infinity:].any():
            _check_finite(vector)
        bins = np.flatnonzero(table[1:]) + 1
        return cls(vector.layout, bins, table[bins], int(table[0]))

    @classmethod
    def merged(cls, histograms: Sequence["Histogram"]) -> "Histogram":
        """The histogram of several vectors of one layout together."""
        bins, places = np.unique(np.concatenate([h.bins for h in histograms]), return_inverse=True)
        counts = np.zeros(bins.size, dtype=np.int64)
        np.add.at(counts, places, np.concatenate([h.counts for h in histograms]))
        return cls(histograms[0].layout, bins, counts, sum(h.zeros for h in histograms))

    @cached_property
    def alive(self) -> int:
        """The number of weights that are not zero."""
        return int(self.counts.sum())

    @property
    def numel(self) -> int:
        """The number of weights."""
        return self.alive + self.zeros

    @cached_property
    def lower(self) -> np.ndarray:
        """The lower edge of each bin, float64, above 0 so that it has a logarithm."""
        return np.maximum(upper_edges(self.bins - 1, self.layout), 5e-324)

    @cached_property
    def upper(self) -> np.ndarray:
        """The upper edge of each bin, float64, finite."""
        return np.minimum(upper_edges(self.bins, self.layout), 1.7e308)

    def place_of_rank(self, rank: int) -> int:
        """The place in `bins` of the weight that is the rank-th largest, 1 <= rank <= alive."""
        return int(self.bins.size - 1 - np.searchsorted(np.cumsum(self.counts[::-1]), rank))


def bin_shift(layout: Layout) -> int:
    """How many of the lowest bits of a number its bin ignores."""
    return (52 if layout.width == 64 else 23) - BIN_BITS


def kernels_for(vector: Vector) -> ModuleType:
    """The module that counts and samples where the vector lives; imported late, as numba compiles."""
    if vector.on_host:
        from workbench.masks import sample_numba as kernels
    else:
        from workbench.masks import sample_torch as kernels
    return kernels


def upper_edges(bins: np.ndarray, layout: Layout) -> np.ndarray:
    """The upper edge of each of some bins, float64; that of bin 0 is 0."""
    bits = bins << bin_shift(layout)
    reals = bits.view(np.float64) if layout.width == 64 else bits.astype(np.int32).view(np.float32)
    return reals.astype(np.float64)


def _check_finite(vector: Vector) -> None:
    infinity = vector.layout.infinity
    finite = sum(
        int(vector.kernels.count(vector.bits(start, stop), 1 - infinity, infinity - 1))
        for start, stop in vector.spans()
    )
    if finite < vector.size:
        raise not_finite(vector.name, vector.size - finite, vector.size)
