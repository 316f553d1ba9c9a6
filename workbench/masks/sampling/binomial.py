"""The upper tail of a binomial distribution, in compiled code.

Importing this module compiles it, so functions that need it import it when they are called.
"""

import math

from numba import njit

# Above this variance the tail is an Edgeworth series, accurate to 1e-5; below it, a sum.
_VARIANCE = 2.0**14


@njit(nogil=True, cache=True)
def tail(count: int, draws: int, y: float) -> tuple[float, float]:
    """P(c >= count) and P(c = count) for c ~ Binomial(draws, 1 - exp(-exp(y))), 0 <= count <= draws.

    Taking y instead of the probability keeps precision for probabilities near one.
    """
    x = math.exp(y)
    hit, miss = -math.expm1(-x), math.exp(-x)
    if count == 0:
        return 1.0, math.exp(-x * draws)
    if hit == 0.0 or miss == 0.0:
        return 1.0 * (miss == 0.0), 1.0 * (miss == 0.0 and count == draws)
    mean, variance = draws * hit, draws * hit * miss
    if variance > _VARIANCE:
        at_least = _edgeworth(count, mean, variance, hit)
        return at_least, at_least - _edgeworth(count + 1, mean, variance, hit)
    equal = math.exp(_log_equal(count, draws, hit, miss))
    term, total, odds = equal, equal, hit / miss
    if count > mean:
        for c in range(count, draws):
            term *= (draws - c) / (c + 1) * odds
            total += term
            if term < 1e-17 * total:
                break
        return total, equal
    for c in range(count, 0, -1):
        term *= c / ((draws - c + 1) * odds)
        total += term
        if term < 1e-17 * total:
            break
    return 1.0 - (total - equal), equal


@njit(inline="always")
def _log_equal(count, draws, hit, miss):
    """log P(c = count), 1 <= count <= draws, in Loader's saddle-point form, which avoids cancellation."""
    if count == draws:
        return draws * math.log(hit)
    misses = draws - count
    return (
        _stirling_error(draws)
        - _stirling_error(count)
        - _stirling_error(misses)
        - _deviance(count, draws * hit)
        - _deviance(misses, draws * miss)
        - 0.5 * math.log(2 * math.pi * count * (misses / draws))
    )


@njit(inline="always")
def _stirling_error(n):
    """log n! minus Stirling's approximation."""
    if n < 16:
        return math.lgamma(n + 1.0) - (n + 0.5) * math.log(n) + n - 0.5 * math.log(2 * math.pi)
    return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680.0 * n * n)) / (1.0 * n * n)) / (1.0 * n * n)) / n


@njit(inline="always")
def _deviance(observed, expected):
    """observed * log(observed / expected) + expected - observed."""
    excess = (expected - observed) / observed
    return observed * (excess - math.log1p(excess))


@njit(inline="always")
def _edgeworth(count, mean, variance, hit):
    deviation = math.sqrt(variance)
    x = (count - 0.5 - mean) / deviation
    skew = (1 - 2 * hit) / deviation
    density = math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    value = 0.5 * math.erfc(x / math.sqrt(2.0)) + density * skew * (x * x - 1) / 6
    return min(max(value, 0.0), 1.0)
