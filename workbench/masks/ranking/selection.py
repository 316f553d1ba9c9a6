"""Exact selection of the k largest numbers: histograms narrow a window of keys until it is one key wide.

The first window is an estimate of where the k-th largest key is, from a sample of the keys or from the
caller. Keys outside the window are only counted, so its histogram costs little more than reading the numbers.
A wrong estimate costs one extra pass but never changes the result: the next window then has 2^16 bins over
all finite keys.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.masks.parallel import each
from workbench.masks.ranking.keys import Layout, keys_of
from workbench.masks.ranking.vectors import Vector

_BIN_BITS = 16
# Half width of the window, in standard errors of a sample quantile.
_WIDTH = 4.0


@dataclass(frozen=True)
class Window:
    """The keys `first` to `last`, inclusive; keys in one bin differ only in their `shift` lowest bits."""

    first: int
    last: int
    shift: int

    @classmethod
    def of(cls, first: int, last: int, layout: Layout) -> "Window":
        """The finite keys from `first` to `last`, in at most 2^16 + 1 bins."""
        limit = layout.infinity - 1
        first, last = (min(max(key, -limit), limit) for key in (first, last))
        return cls(first, last, max((last - first).bit_length() - _BIN_BITS, 0))

    @property
    def bins(self) -> int:
        """The number of bins."""
        return (self.last >> self.shift) - (self.first >> self.shift) + 1

    def bin(self, index: int, layout: Layout) -> "Window":
        """The window over one bin, divided into finer bins."""
        first = (self.first >> self.shift) + index << self.shift
        return Window.of(max(first, self.first), min(first + (1 << self.shift) - 1, self.last), layout)


@dataclass(frozen=True)
class Choice:
    """The entries chosen from some vectors.

    Attributes:
        threshold: every key above it is chosen.
        ties: number of keys equal to the threshold that are also chosen, the first ones.
    """

    threshold: int
    ties: int


def choose(vectors: Sequence[Vector], kept: int, guess: Window | None = None) -> Choice:
    """Chooses the `kept` largest entries of all vectors together, the first ones among equals.

    Args:
        vectors: vectors with the same layout.
        kept: 0 <= kept <= number of entries.
        guess: an estimate of where the smallest chosen key is.

    Raises:
        BadInput: a vector has NaN or infinite entries.
    """
    from workbench.masks.ranking.kernels_numba import nth_bin

    layout = vectors[0].layout
    for window in _windows(vectors, kept, guess):
        counts, above = _histogram(vectors, window)
        if kept == 0:
            return Choice(layout.infinity, 0)
        wanted = kept - above
        if 0 < wanted <= counts.sum():
            break
    index, higher = nth_bin(counts, wanted)
    while window.shift > 0:
        window = window.bin(index, layout)
        counts, above = _histogram(vectors, window)
        wanted = kept - above
        index, higher = nth_bin(counts, wanted)
    return Choice(window.first + index, wanted - higher)


def marked(vectors: Sequence[Vector], choice: Choice, mark: Callable[[int, int, int, int], int]) -> None:
    """Marks the chosen entries, span by span.

    Args:
        vectors: the vectors that `choice` was made from.
        choice: the chosen entries.
        mark: `mark(i, start, stop, ties)` marks those of the entries start to stop of vector i that are above
            the threshold, and the first `ties` of those equal to it; it returns how many are equal.
    """
    spans, serial = _spans(vectors)
    equal = each(mark, [(*span, span[2] - span[1]) for span in spans], serial)
    remaining, again = choice.ties, []
    for span, ties in zip(spans, equal, strict=True):
        if ties > remaining:
            again.append((*span, remaining))
        remaining = max(remaining - ties, 0)
    each(mark, again, serial)


def _spans(vectors: Sequence[Vector]) -> tuple[list[tuple[int, int, int]], bool]:
    """All spans of all vectors as (i, start, stop), and whether a single thread must process them."""
    spans = [(i, *span) for i, vector in enumerate(vectors) for span in vector.spans()]
    return spans, not all(vector.on_host for vector in vectors)


def _windows(vectors: Sequence[Vector], kept: int, guess: Window | None) -> Iterator[Window]:
    """The windows in which to look for the smallest chosen key, in order; the last one covers all keys."""
    layout = vectors[0].layout
    if guess:
        yield guess
    yield _sampled(vectors, kept)
    yield Window.of(-layout.infinity, layout.infinity, layout)


def _sampled(vectors: Sequence[Vector], kept: int) -> Window:
    """The window in which the smallest chosen key should be, estimated from a sample of the keys."""
    numel, layout = sum(vector.size for vector in vectors), vectors[0].layout
    # Chosen so that processing the sample takes about as long as processing the entries in the window.
    step = max(round(numel ** (1 / 3) / 10), 1)
    sample = np.concatenate([vector.sample(step) for vector in vectors])
    pruned = 1 - kept / numel
    error = _WIDTH * math.sqrt(pruned * (1 - pruned) * sample.size) + 1
    ranks = math.floor(pruned * sample.size - error), math.ceil(pruned * sample.size + error)
    low, high = (min(max(rank, 0), sample.size - 1) for rank in ranks)
    # One rank at a time: NumPy is many times slower with two.
    sample.partition(low)
    sample[low:].partition(high - low)
    first, last = keys_of(sample[[low, high]].view(f"i{sample.itemsize}")).tolist()
    # If a rank is beyond the end of the sample, the window is open on that side.
    first = first if low == ranks[0] else -layout.infinity
    last = last if high == ranks[1] else layout.infinity
    return Window.of(first, last, layout)


def _histogram(vectors: Sequence[Vector], window: Window) -> tuple[np.ndarray, int]:
    """The number of keys in each bin of the window, and the number above the window."""
    # One histogram per working thread; they are summed at the end.
    spare: list[np.ndarray] = []

    def add(i: int, start: int, stop: int) -> tuple[int, int]:
        try:
            counts = spare.pop()
        except IndexError:
            counts = np.zeros(window.bins, dtype=np.int64)
        bits = vectors[i].bits(start, stop)
        result = vectors[i].kernels.histogram(bits, window.first, window.last, window.shift, counts)
        spare.append(counts)
        return result

    spans, serial = _spans(vectors)
    results = each(add, spans, serial)
    for (i, _, _), (_, largest) in zip(spans, results, strict=True):
        if largest >= vectors[i].layout.infinity:
            vectors[i].check_finite()
    return sum(spare), sum(above for above, _ in results)
