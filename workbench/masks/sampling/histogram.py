"""Histograms of the magnitudes of weights."""

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

    Bins follow the bits of floating-point numbers: bin b contains the magnitudes above edge b - 1 and up to
    edge b, the number with the bits `b << shift`. Bin 0 therefore contains exactly the zeros.

    Attributes:
        layout: the floating-point format.
        precision: mantissa bits per bin; there are 2^precision bins per octave.
        bins: int64, the non-empty bins in ascending order, without bin 0.
        counts: int64, the number of weights in each of them.
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
            BadInput: the vector has NaN or infinite entries.
        """
        shift = vector.layout.mantissa - precision
        # Narrow counters, so that those of a few octaves fit the fastest cache. The last bins are for NaN.
        table = np.zeros((1 << vector.layout.width - 1 - shift) + 1, count_type(vector.size))
        kernels = kernels_for(vector)
        for start, stop in vector.spans():
            kernels.count_bins(vector.bits(start, stop), shift, table)
        # The bin of infinity also contains the largest finite numbers.
        if table[vector.layout.infinity >> shift :].any():
            vector.check_finite()
        bins = np.flatnonzero(table[1:] > 0) + 1
        return cls(vector.layout, precision, bins, table[bins].astype(np.int64), int(table[0]))

    @classmethod
    def merged(cls, histograms: Sequence["Histogram"]) -> "Histogram":
        """Merges the histograms of several vectors with the same layout and precision."""
        if len(histograms) == 1:
            return histograms[0]
        bins, indices = np.unique(np.concatenate([h.bins for h in histograms]), return_inverse=True)
        counts = np.zeros(bins.size, dtype=np.int64)
        np.add.at(counts, indices, np.concatenate([h.counts for h in histograms]))
        first = histograms[0]
        return cls(first.layout, first.precision, bins, counts, sum(h.zeros for h in histograms))

    def coarser(self, precision: int) -> "Histogram":
        """The same weights in wider bins, with fewer mantissa bits."""
        bins = -(-self.bins >> self.precision - precision)
        first = np.flatnonzero(np.diff(bins, prepend=0))
        counts = np.add.reduceat(self.counts, first)
        return Histogram(self.layout, precision, bins[first], counts, self.zeros)

    @property
    def shift(self) -> int:
        """The number of lowest bits that do not affect a number's bin."""
        return self.layout.mantissa - self.precision

    @cached_property
    def alive(self) -> int:
        """The number of non-zero weights."""
        return int(self.counts.sum())

    @property
    def numel(self) -> int:
        """The number of weights."""
        return self.alive + self.zeros

    @cached_property
    def lower(self) -> np.ndarray:
        """The lower edge of each bin, float64, positive so that its logarithm exists."""
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
        """The index in `bins` of the rank-th largest weight, 1 <= rank <= alive."""
        return int(self.bins.size - 1 - np.searchsorted(np.cumsum(self.counts[::-1]), rank))


def count_type(numel: int) -> type[np.unsignedinteger]:
    """The narrowest fast type in which counts of up to `numel` weights are exact."""
    return np.uint32 if numel < 1 << 32 else np.uint64


def kernels_for(vector: Vector) -> ModuleType:
    """The module that counts and samples on the vector's device; imported late because numba compiles it."""
    if vector.on_host:
        from workbench.masks.sampling import kernels_numba as kernels
    else:
        from workbench.masks.sampling import kernels_torch as kernels
    return kernels


def upper_edges(bins: np.ndarray, layout: Layout, precision: int) -> np.ndarray:
    """The upper edges of bins, float64; that of bin 0 is 0."""
    bits = bins << layout.mantissa - precision
    reals = bits.view(np.float64) if layout.width == 64 else bits.astype(np.int32).view(np.float32)
    return reals.astype(np.float64)
