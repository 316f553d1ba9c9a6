"""How many weights of each magnitude a matrix has."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

import numpy as np

from workbench.masks.ranking.keys import Layout
from workbench.masks.ranking.vectors import Vector


@dataclass(frozen=True, eq=False)
class Histogram:
    """The magnitudes of weights, counted exactly in narrow bins.

    Bins follow the bits of floating-point numbers: bin b holds the magnitudes above edge b - 1 up to
    edge b, which is the number with the bits `b << shift`. So bin 0 holds the zeros and nothing else.

    Attributes:
        layout: whose bits are meant.
        precision: mantissa bits that a bin keeps; it has 2^precision bins an octave.
        bins: int64, ascending, those that hold weights, without bin 0.
        counts: int64, how many weights each of them holds.
        zeros: the number of weights that are zero.
    """

    layout: Layout
    precision: int
    bins: np.ndarray
    counts: np.ndarray
    zeros: int

    @classmethod
    def of(cls, vector: Vector, precision: int) -> "Histogram":
        """Counts a vector in one pass.

        Raises:
            BadInput: it has NaN or infinite entries.
        """
        shift = vector.layout.mantissa - precision
        # Narrow counts, so that those of a few octaves are in the fastest cache. The last bins are for NaN.
        table = np.zeros((1 << vector.layout.width - 1 - shift) + 1, count_type(vector.size))
        kernels = kernels_for(vector)
        for start, stop in vector.spans():
            kernels.count_bins(vector.bits(start, stop), shift, table)
        # The bin of infinity has the largest numbers, too.
        if table[vector.layout.infinity >> shift :].any():
            vector.check_finite()
        bins = np.flatnonzero(table[1:] > 0) + 1
        return cls(vector.layout, precision, bins, table[bins].astype(np.int64), int(table[0]))

    @classmethod
    def merged(cls, histograms: Sequence["Histogram"]) -> "Histogram":
        """The histogram of several vectors together, of one layout and precision."""
        if len(histograms) == 1:
            return histograms[0]
        bins, places = np.unique(np.concatenate([h.bins for h in histograms]), return_inverse=True)
        counts = np.zeros(bins.size, dtype=np.int64)
        np.add.at(counts, places, np.concatenate([h.counts for h in histograms]))
        first = histograms[0]
        return cls(first.layout, first.precision, bins, counts, sum(h.zeros for h in histograms))

    def coarser(self, precision: int) -> "Histogram":
        """The same weights in bins that keep fewer mantissa bits."""
        bins = -(-self.bins >> self.precision - precision)
        first = np.flatnonzero(np.diff(bins, prepend=0))
        counts = np.add.reduceat(self.counts, first)
        return Histogram(self.layout, precision, bins[first], counts, self.zeros)

    @property
    def shift(self) -> int:
        """How many of the lowest bits of a number its bin ignores."""
        return self.layout.mantissa - self.precision

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
        return np.maximum(upper_edges(self.bins - 1, self.layout, self.precision), 5e-324)

    @cached_property
    def upper(self) -> np.ndarray:
        """The upper edge of each bin, float64, finite."""
        return np.minimum(upper_edges(self.bins, self.layout, self.precision), 1.7e308)

    @property
    def middle(self) -> np.ndarray:
        """The middle of each bin, float64."""
        return self.lower / 2 + self.upper / 2

    def place_of_rank(self, rank: int) -> int:
        """The place in `bins` of the weight that is the rank-th largest, 1 <= rank <= alive."""
        return int(self.bins.size - 1 - np.searchsorted(np.cumsum(self.counts[::-1]), rank))


def count_type(numel: int) -> type[np.unsignedinteger]:
    """The narrowest type that counts of so many weights are exact in, and quick."""
    return np.uint32 if numel < 1 << 32 else np.uint64


def kernels_for(vector: Vector) -> ModuleType:
    """The module that counts and samples where the vector lives; imported late, as numba compiles."""
    if vector.on_host:
        from workbench.masks.sampling import kernels_numba as kernels
    else:
        from workbench.masks.sampling import kernels_torch as kernels
    return kernels


def upper_edges(bins: np.ndarray, layout: Layout, precision: int) -> np.ndarray:
    """The upper edge of each of some bins, float64; that of bin 0 is 0."""
    bits = bins << layout.mantissa - precision
    reals = bits.view(np.float64) if layout.width == 64 else bits.astype(np.int32).view(np.float32)
    return reals.astype(np.float64)
