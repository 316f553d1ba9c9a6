"""The sampling law solved for one group of weights, before any single weight is examined.

A weight with uniform number u is kept if u is below its probability of passing the group's threshold (see
`law`). The threshold depends on all the numbers but hardly varies: a window of a few standard errors around
its expected value almost surely contains it. The probability rises with the magnitude and falls with the
threshold, so the edges of a bin and of the window bound it for every weight in the bin. Most weights are
therefore decided by their bin, their hash and two tables; the few others are ranked exactly.
"""

import math
from dataclasses import dataclass

import numpy as np

from workbench.masks.ranking.vectors import Vector
from workbench.masks.sampling.histogram import Histogram
from workbench.masks.sampling.tables import Tables

# More than the error of `law.chance`, so that the tables never contradict the exact rule.
_MARGIN = 2.0**-18
# Mantissa bits of the bins from which expected thresholds are computed.
_COARSE = 7
# Only the upper bits of the hash are compared; in the tables, 2**31 is a probability of one.
_ONE = 1 << 31


@dataclass(frozen=True, eq=False)
class Group:
    """Weights that share one budget and are sampled together.

    Attributes:
        vectors: the matrices, in the order in which their weights are numbered.
        histogram: the histogram of all of them.
        kept: k, at most the number of non-zero weights.
        draws: T.
        exponent: tau.
        key: key of the group's random numbers.
        ratio: r, for a sampler that counts its draws itself.
    """

    vectors: tuple[Vector, ...]
    histogram: Histogram
    kept: int
    draws: int
    exponent: float
    key: int
    ratio: float = 1e-4

    def log_time(self) -> float:
        """log t up to the constant of p: a weight w has log(t p) = tau log|w| + this; not if all are kept."""
        from workbench.masks.sampling import law

        log_p = self.exponent * np.log(self.histogram.middle)
        return law.log_time(log_p, self.histogram.counts, self.kept, self.histogram.place_of_rank(self.kept))


@dataclass(frozen=True, eq=False)
class SolvedLaw:
    """The law of a group, solved for its parameters, and the tables that follow from it.

    Attributes:
        group: the group.
        log_time: a weight w has log(t p) = tau log|w| + `log_time`.
        theta: the expected threshold.
        low, high: the window of thresholds for which the tables are valid.
        tables: the decisions for most weights.
    """

    group: Group
    log_time: float
    theta: float
    low: float
    high: float
    tables: Tables

    @classmethod
    def of(cls, group: Group, width: float) -> "SolvedLaw":
        """Solves the law; `width` is half the window's width, in standard errors of the threshold."""
        from workbench.masks.sampling import law

        histogram, kept, draws = group.histogram, group.kept, group.draws
        if kept == histogram.alive:
            everything = np.array([0, _ONE], dtype=np.uint32)
            tables = Tables(group.key, histogram.shift, 0, everything, everything)
            return cls(group, 0.0, 0.0, 0.0, 0.0, tables)
        log_time = group.log_time()
        # The rest only affects how many weights are left undecided, not the mask.
        coarse = histogram.coarser(_COARSE)
        y, q = group.exponent * np.log(coarse.middle) + log_time, np.empty(coarse.bins.size)

        def threshold(passing: int, near: float) -> float:
            return law.threshold(y, coarse.counts, passing, draws, coarse.place_of_rank(passing), q, near)

        theta = threshold(kept, -1.0)
        error = math.ceil(width * math.sqrt(np.sum(coarse.counts * q * (1 - q)))) + 1
        low, high = (-math.inf, math.inf) if draws == 1 else (0.0, draws + 1.0)
        if kept + error < histogram.alive:
            low = threshold(kept + error, theta)
        if kept - error > 0:
            high = threshold(kept - error, theta)
        return cls(group, log_time, theta, low, high, _tables(group, log_time, low, high))


def _tables(group: Group, log_time: float, low: float, high: float) -> Tables:
    from workbench.masks.sampling import law

    histogram, start = group.histogram, group.histogram.place_of_rank(group.kept)
    at_least, at_most = np.empty(histogram.bins.size), np.empty(histogram.bins.size)
    law.chances(group.exponent * np.log(histogram.lower) + log_time, high, group.draws, start, at_least)
    law.chances(group.exponent * np.log(histogram.upper) + log_time, low, group.draws, start, at_most)
    sure = np.where(at_least < 1, at_least - _MARGIN, 1)
    open_ = np.where(at_most > 0, at_most + _MARGIN, 0)
    first = np.count_nonzero(open_ == 0)
    band = slice(first, max(np.count_nonzero(sure < 1), first + 1))
    bins = histogram.bins[band]
    base = int(bins[0]) - 1
    entries = np.zeros((2, bins[-1] - base + 2))
    entries[:, bins - base] = sure[band], open_[band]
    entries[:, -1] = 1
    sure, open_ = np.clip(entries, 0, 1) * _ONE
    sure, open_ = np.floor(sure).astype(np.uint32), np.ceil(open_).astype(np.uint32)
    return Tables(group.key, histogram.shift, base, sure, open_)
