"""The k largest of many numbers, exactly: histograms narrow a window of keys until it is one key wide.

The first window is a guess of where the k-th largest key is, out of a sample of the keys or from the
caller. Keys beside it are only counted, so that its histogram costs little more than reading the numbers.
A wrong guess costs a pass, and never the result: then comes a window of 2^16 bins over all finite keys.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.masks.parallel import each
from workbench.masks.ranking.keys import Layout, keys_of
from workbench.masks.ranking.vectors import Vector

_BIN_BITS = 16
# Standard errors of a sample's quantile that the window reaches to either side.
_WIDTH = 4.0


@dataclass(frozen=True)
class Window:
    """The keys `first` to `last`, both included, in bins of keys that differ in their `shift` lowest bits."""

    first: int
    last: int
    shift: int

    @classmethod
    def of(cls, first: int, last: int, layout: Layout) -> "Window":
        """The keys from `first` to `last` that are finite, in at most 2^16 + 1 bins."""
        limit = layout.infinity - 1
        first, last = (min(max(key, -limit), limit) for key in (first, last))
        return cls(first, last, max((last - first).bit_length() - _BIN_BITS, 0))

    @property
    def bins(self) -> int:
        """Their number."""
        return (self.last >> self.shift) - (self.first >> self.shift) + 1

    def bin(self, place: int, layout: Layout) -> "Window":
        """The keys of one bin, in finer bins."""
        first = (self.first >> self.shift) + place << self.shift
        return Window.of(max(first, self.first), min(first + (1 << self.shift) - 1, self.last), layout)


@dataclass(frozen=True)
class Choice:
    """Which entries of some vectors are chosen.

    Attributes:
        threshold: every key above it is chosen.
        ties: so many keys equal to it are chosen as well, those that come first.
    """

    threshold: int
    ties: int


def choose(vectors: Sequence[Vector], kept: int, guess: Window | None = None) -> Choice:
    """Chooses the `kept` largest entries of all vectors together; of equal ones those that come first.

    Args:
        vectors: of one layout.
        kept: 0 <= kept <= number of entries.
        guess: where the smallest chosen key may be.

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
    place, higher = nth_bin(counts, wanted)
    while window.shift > 0:
        window = window.bin(place, layout)
        counts, above = _histogram(vectors, window)
        wanted = kept - above
        place, higher = nth_bin(counts, wanted)
    return Choice(window.first + place, wanted - higher)


def marked(vectors: Sequence[Vector], choice: Choice, mark: Callable[[int, int, int, int], int]) -> None:
    """Marks the chosen entries span by span.

    Args:
        mark: `mark(i, start, stop, ties)` marks those of entries start to stop of vector i that are
            above the threshold, and of those equal to it the first `ties`; it returns how many are equal.
    """
    spans, serial = _spans(vectors)
    found = each(mark, [(*span, span[2] - span[1]) for span in spans], serial)
    left, again = choice.ties, []
    for span, ties in zip(spans, found, strict=True):
        if ties > left:
            again.append((*span, left))
        left = max(left - ties, 0)
    each(mark, again, serial)


def _spans(vectors: Sequence[Vector]) -> tuple[list[tuple[int, int, int]], bool]:
    """Each span of each vector i as (i, start, stop), and whether one thread must work on them all."""
    spans = [(i, *span) for i, vector in enumerate(vectors) for span in vector.spans()]
    return spans, not all(vector.on_host for vector in vectors)


def _windows(vectors: Sequence[Vector], kept: int, guess: Window | None) -> Iterator[Window]:
    """Where to look for the smallest chosen key, one after the other; the last has all keys."""
    layout = vectors[0].layout
    if guess:
        yield guess
    yield _sampled(vectors, kept)
    yield Window.of(-layout.infinity, layout.infinity, layout)


def _sampled(vectors: Sequence[Vector], kept: int) -> Window:
    """Where a sample of the keys says that the smallest chosen one is."""
    numel, layout = sum(vector.size for vector in vectors), vectors[0].layout
    # So many that looking at the sample and at what the window holds by chance take about as long.
    step = max(round(numel ** (1 / 3) / 10), 1)
    sample = np.concatenate([vector.sample(step) for vector in vectors])
    pruned = 1 - kept / numel
    error = _WIDTH * math.sqrt(pruned * (1 - pruned) * sample.size) + 1
    places = math.floor(pruned * sample.size - error), math.ceil(pruned * sample.size + error)
    low, high = (min(max(place, 0), sample.size - 1) for place in places)
    # One place at a time: NumPy is many times slower with two.
    sample.partition(low)
    sample[low:].partition(high - low)
    first, last = keys_of(sample[[low, high]].view(f"i{sample.itemsize}")).tolist()
    # Beyond the ends of the sample, so is the window.
    first = first if low == places[0] else -layout.infinity
    last = last if high == places[1] else layout.infinity
    return Window.of(first, last, layout)


def _histogram(vectors: Sequence[Vector], window: Window) -> tuple[np.ndarray, int]:
    """How many keys each bin of the window has, and how many are above the window."""
    # A histogram for each thread at work, added up at the end.
    spare: list[np.ndarray] = []

    def add(i: int, start: int, stop: int) -> tuple[int, int]:
        try:
            counts = spare.pop()
        except IndexError:
            counts = np.zeros(window.bins, dtype=np.int64)
        bits = vectors[i].bits(start, stop)
        found = vectors[i].kernels.histogram(bits, window.first, window.last, window.shift, counts)
        spare.append(counts)
        return found

    spans, serial = _spans(vectors)
    found = each(add, spans, serial)
    for (i, _, _), (_, largest) in zip(spans, found, strict=True):
        if largest >= vectors[i].layout.infinity:
            vectors[i].check_finite()
    return sum(spare), sum(above for above, _ in found)
