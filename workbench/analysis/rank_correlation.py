"""Spearman's rank correlation within many small pools, with an interval that holds for small ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import asin, pi

import numpy as np
import scipy

from workbench.randomness import numpy_generator

# Correlations of the normal distribution that the interval is looked up among, and pools made for each.
_GRID = np.tanh(np.linspace(-3, 3, 61))
_SIMULATED = 1000


@dataclass(frozen=True)
class PooledCorrelation:
    """A rank correlation within pools, with a 95 % interval.

    Attributes:
        rho: in [-1, 1]; NaN where no pool has three pairs.
        low, high: ends of the interval; NaN with rho.
        pools, pairs: how many were used.
    """

    rho: float
    low: float
    high: float
    pools: int
    pairs: int


def pooled_rank_correlation(pools: Sequence[tuple[np.ndarray, np.ndarray]]) -> PooledCorrelation:
    """The correlation within pools, as a mean over them.

    Small pools underestimate: E(r_s) = ((n - 2) rho + 3 tau) / (n + 1) (Kendall and Gibbons 1990), so each
    pool contributes ((n + 1) r_s - 3 t) / (n - 2), with t its Kendall's tau. Where one of the two scores is
    constant, and nothing can be predicted, it contributes 0. Pools weigh n - 1.

    The interval inverts a test, since Fisher's is wrong for small pools: it holds the correlations r of a
    bivariate normal distribution under which the mean of r_s falls into the middle 95 % of 1,000 simulated
    means, turned into rank correlations by 6 / pi asin(r / 2). It assumes that scores are, but for a monotone
    transformation of each, jointly normal within a pool, and equally correlated in all pools.

    Args:
        pools: of each the two scores of its candidates; pools of fewer than three are left out.
    """
    used = [(np.asarray(first), np.asarray(second)) for first, second in pools if len(first) > 2]
    sizes = tuple(sorted(len(first) for first, _ in used))
    if not used:
        return PooledCorrelation(np.nan, np.nan, np.nan, 0, 0)
    weights = [len(first) - 1 for first, _ in used]
    plain, unbiased = np.transpose([_correlations(first, second) for first, second in used])
    mean = np.average(plain, weights=weights)
    low, high = (6 / pi * asin(r / 2) for r in _ends(mean, *_middle(sizes)))
    rho = float(np.clip(np.average(unbiased, weights=weights), -1, 1))
    return PooledCorrelation(rho, min(low, rho), max(high, rho), len(used), sum(sizes))


def _ends(mean: float, low_means: np.ndarray, high_means: np.ndarray) -> tuple[float, float]:
    """The least and the largest r under which a mean is within the middle 95 %; -1 and 1 beyond the grid."""
    # Means of few pools have few values, which rounding must not tell apart.
    below, above = high_means >= mean - 1e-9, low_means <= mean + 1e-9
    first = int(np.argmax(below)) if below[-1] else _GRID.size - 1
    last = _GRID.size - 1 - int(np.argmax(above[::-1])) if above[0] else 0
    low, high = -1.0, 1.0
    if first > 0:
        near = slice(first - 1, first + 1)
        low = np.interp(mean, high_means[near], _GRID[near])
    if last < _GRID.size - 1:
        near = slice(last, last + 2)
        high = np.interp(mean, low_means[near], _GRID[near])
    return float(low), float(high)


def _correlations(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Spearman's correlation of a pool, and the estimate without bias."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0, 0.0
    size = len(first)
    rho, tau = scipy.stats.spearmanr(first, second).statistic, scipy.stats.kendalltau(first, second).statistic
    return rho, ((size + 1) * rho - 3 * tau) / (size - 2)


@lru_cache(maxsize=64)
def _middle(sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """For each r of the grid the ends of the middle 95 % of the mean correlation of pools of these sizes."""
    total = np.zeros((_GRID.size, _SIMULATED))
    for place, size in enumerate(sizes):
        generator = numpy_generator("rank correlation", place, size)
        first, noise = generator.normal(size=(2, _SIMULATED, size))
        ranks = _ranks(first)
        for index, r in enumerate(_GRID):
            apart = ranks - _ranks(r * first + np.sqrt(1 - r * r) * noise)
            total[index] += (size - 1) * (1 - 6 * np.square(apart).sum(axis=1) / (size * (size**2 - 1)))
    low, high = np.quantile(total / (sum(sizes) - len(sizes)), (0.025, 0.975), axis=1)
    return low, high


def _ranks(values: np.ndarray) -> np.ndarray:
    return values.argsort(axis=1).argsort(axis=1)
