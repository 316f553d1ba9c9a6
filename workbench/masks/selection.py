"""The k largest of many numbers, exactly: histograms narrow a window of keys until it is one key wide.

A window of 2^16 bins over all finite float32 keys gives the upper half of the k-th largest key, a second
one over the bin found gives the rest: radix selection. A guess of where the k-th largest is replaces the
first window by a narrow one; a wrong guess costs a pass, and never the result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.masks.keys import Layout, Vector, not_finite
from workbench.masks.parallel import each

_BIN_BITS = 16


@dataclass(frozen=True)
class Window:
    """The keys `first` to `last`, both included, in bins of 2^shift keys."""

    first: int
    last: int
    shift: int

    @classmethod
    def whole(cls, layout: Layout) -> "Window":
        """All finite keys."""
        return cls(1 - layout.infinity, layout.infinity - 1, layout.width - _BIN_BITS)

    @classmethod
    def around(cls, key: int, reach: int, layout: Layout) -> "Window":
        """`reach` keys to either side of `key`, to within a bin, and 2^15 at least; if they are finite."""
        shift = max(reach.bit_length() + 1 - _BIN_BITS, 0)
        first = (key >> shift << shift) - (1 << shift + _BIN_BITS - 1)
        last = first + (1 << shift + _BIN_BITS) - 1
        inside = -layout.infinity < first and last < layout.infinity
        return cls(first, last, shift) if inside else cls.whole(layout)

    @property
    def bins(self) -> int:
        """Their number."""
        return (self.last >> self.shift) - (self.first >> self.shift) + 1

    def bin(self, place: int) -> "Window":
        """The keys of one bin, in finer bins."""
        first = (self.first >> self.shift) + place << self.shift
        return Window(first, first + (1 << self.shift) - 1, max(self.shift - _BIN_BITS, 0))


@dataclass(frozen=True)
class Choice:
    """Which entries of some vectors are chosen.

    Attributes:
        threshold: every key above it is chosen.
        cuts: for each vector, the index below which keys equal to the threshold are chosen as well.
    """

    threshold: int
    cuts: tuple[int, ...]


def choose(vectors: Sequence[Vector], kept: int, guess: Window | None = None) -> Choice:
    """Chooses the `kept` largest entries of all vectors together; of equal ones those that come first.

    Args:
        vectors: of one layout.
        kept: 0 <= kept <= number of entries.
        guess: where the smallest chosen key may be.

    Raises:
        BadInput: a vector has NaN or infinite entries.
    """
    from workbench.masks.rank_numba import nth_bin

    infinity = vectors[0].layout.infinity
    window = guess or Window.whole(vectors[0].layout)
    counts, inside = _histogram(vectors, window)
    below = _count(vectors, 1 - infinity, window.first - 1)
    above = _count(vectors, window.last + 1, infinity - 1)
    _check_finite(vectors, np.add(below, above) + inside)
    if kept == 0:
        return Choice(infinity, (0,) * len(vectors))
    wanted = kept - sum(above)
    if not 0 < wanted <= sum(inside):
        return choose(vectors, kept)
    place, higher = nth_bin(counts, wanted)
    while window.shift > 0:
        wanted -= higher
        window = window.bin(place)
        counts, _ = _histogram(vectors, window)
        place, higher = nth_bin(counts, wanted)
    threshold = window.first + place
    return Choice(threshold, _cuts(vectors, threshold, wanted - higher, ties=int(counts[place])))


def over_spans(vectors: Sequence[Vector], function: Callable[[int, int, int], Any]) -> list[list]:
    """For each vector i, `function(i, start, stop)` for each of its spans; on several threads on the CPU."""
    jobs = [(i, *span) for i, vector in enumerate(vectors) for span in vector.spans()]
    results = iter(each(function, jobs, serial=not all(vector.on_host for vector in vectors)))
    return [[next(results) for _ in vector.spans()] for vector in vectors]


def _histogram(vectors: Sequence[Vector], window: Window) -> tuple[np.ndarray, list[int]]:
    """How many keys each bin of the window has, and how many of each vector are in the window."""
    # A histogram for each thread at work, added up at the end.
    spare: list[np.ndarray] = []

    def add(i: int, start: int, stop: int) -> int:
        try:
            counts = spare.pop()
        except IndexError:
            counts = np.zeros(window.bins, dtype=np.int64)
        bits = vectors[i].bits(start, stop)
        inside = vectors[i].kernels.histogram(bits, window.first, window.last, window.shift, counts)
        spare.append(counts)
        return inside

    inside = over_spans(vectors, add)
    return sum(spare), [sum(found) for found in inside]


def _count(vectors: Sequence[Vector], first: int, last: int) -> list[int]:
    """How many keys of each vector are in [first, last]."""
    if first > last:
        return [0] * len(vectors)

    def count(i: int, start: int, stop: int) -> int:
        return vectors[i].kernels.count(vectors[i].bits(start, stop), first, last)

    return [sum(found) for found in over_spans(vectors, count)]


def _check_finite(vectors: Sequence[Vector], finite: Sequence[int]) -> None:
    for vector, number in zip(vectors, finite, strict=True):
        if number < vector.size:
            raise not_finite(vector.name, vector.size - number, vector.size)


def _cuts(vectors: Sequence[Vector], threshold: int, wanted: int, ties: int) -> tuple[int, ...]:
    """For each vector, the index below which its keys equal to the threshold are among the first `wanted`."""
    cuts = [vector.size for vector in vectors]
    if wanted < ties:
        for i, found in enumerate(_count(vectors, threshold, threshold)):
            here = min(found, wanted)
            cuts[i] = _place(vectors[i], threshold, here) + 1 if here else 0
            wanted -= here
    return tuple(cuts)


def _place(vector: Vector, key: int, n: int) -> int:
    """The index of the n-th entry with `key`, n from 1 to their number."""
    for start, stop in vector.spans():
        bits = vector.bits(start, stop)
        place = vector.kernels.nth(bits, key, n)
        if place < len(bits):
            break
        n -= vector.kernels.count(bits, key, key)
    return start + place
