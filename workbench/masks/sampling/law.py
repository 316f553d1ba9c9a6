"""The law of a randomized mask: the probability that a weight passes the threshold.

A weight with probability p is drawn in each of T draws with probability pi = 1 - exp(-t p). Its count
c ~ Binomial(T, pi) is made continuous by a uniform number U in [0, 1) that breaks ties: z = c + U. The mask
keeps the largest z, that is, the weights whose uniform number u is below q = P(z > theta), where theta is the
common threshold. A single draw (T = 1) is performed literally, with z = log p + Gumbel noise, the order in
which draws without replacement take weights, and q = 1 - exp(-p exp(-theta)).

Here y = log(t p) throughout. Importing this module compiles it, so functions that need it import it when they
are called.
"""

import math

import numpy as np
from numba import njit

from workbench.masks.sampling.binomial import tail
from workbench.masks.sampling.hashing import hashed, uniform

# No uniform number is below this or above one minus this (`hashing.uniform`).
_NEVER = 2.0**-53
# Where counting up from zero is faster than a search, and does not underflow.
_FEW, _SMALL = 512, 600.0


@njit(nogil=True, cache=True)
def chance(y: float, theta: float, draws: int) -> float:
    """q = P(z > theta) for a weight with log(t p) = y; theta >= 0 if draws > 1."""
    if draws == 1:
        return -math.expm1(-math.exp(y - theta))
    count = math.floor(theta)
    if count > draws:
        return 0.0
    at_least, equal = tail(count, draws, y)
    return max(at_least - (theta - count) * equal, 0.0)


@njit(nogil=True, cache=True)
def place(u: float, y: float, near: float, draws: int) -> float:
    """The z of a weight with uniform number u, the solution of `chance(y, z, draws)` = u.

    Args:
        u: the uniform number.
        y: log(t p).
        near: where the search starts; affects the time, never the result.
        draws: T.
    """
    if draws == 1:
        return y - math.log(-math.log1p(-u))
    low = min(max(math.floor(near), 0), draws)
    high, step = low + 1, 1
    while tail(low, draws, y)[0] <= u:
        low, high, step = max(low - step, 0), low, 2 * step
    while high <= draws and tail(high, draws, y)[0] > u:
        low, high, step = high, min(high + step, draws + 1), 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        if tail(middle, draws, y)[0] > u:
            low = middle
        else:
            high = middle
    at_least, equal = tail(low, draws, y)
    return low + (at_least - u) / equal


@njit(nogil=True, cache=True)
def places(
    magnitudes: np.ndarray,
    indices: np.ndarray,
    key: np.uint64,
    exponent: float,
    log_time: float,
    near: float,
    draws: int,
) -> np.ndarray:
    """The z of weights, float64, from their magnitudes (float64, not zero) and their indices in the group."""
    z = np.empty(magnitudes.size)
    for i in range(z.size):
        y = exponent * math.log(magnitudes[i]) + log_time
        z[i] = place(uniform(hashed(key, indices[i])), y, near, draws)
    return z


@njit(nogil=True, cache=True)
def all_places(
    magnitudes: np.ndarray, first: int, key: np.uint64, exponent: float, log_time: float, draws: int
) -> np.ndarray:
    """Like `places`, for consecutive weights from the index `first` on; the lowest float for zeros."""
    z = np.full(magnitudes.size, -np.finfo(np.float64).max)
    for i in range(z.size):
        if magnitudes[i] > 0:
            y = exponent * math.log(magnitudes[i]) + log_time
            u, time = uniform(hashed(key, first + i)), math.exp(y)
            if 1 < draws <= _FEW and time * draws < _SMALL:
                z[i] = _counted_up(1 - u, time, draws)
            else:
                z[i] = place(u, y, -math.expm1(-time) * draws, draws)
    return z


@njit(inline="always")
def _counted_up(v, time, draws):
    """`place` of 1 - v: sums the probabilities of the counts 0, 1, ... until they reach v."""
    odds, equal, below, count = math.expm1(time), math.exp(-time * draws), 0.0, 0
    while below + equal < v and count < draws:
        below += equal
        equal *= (draws - count) / (count + 1) * odds
        count += 1
    return count + min((v - below) / equal, 1.0)


@njit(nogil=True, cache=True)
def chances(y: np.ndarray, theta: float, draws: int, start: int, q: np.ndarray) -> None:
    """Writes `chance` of each y to q, rounded to 0 and 1 within the precision of the uniform numbers.

    Args:
        y: ascending.
        theta, draws: as in `chance`.
        start: the index from which to walk in both directions, best near the threshold.
        q: the output.
    """
    below = start - 1
    while below >= 0:
        q[below] = chance(y[below], theta, draws)
        if q[below] < _NEVER:
            break
        below -= 1
    q[: below + 1] = 0.0
    above = start
    while above < y.size:
        q[above] = chance(y[above], theta, draws)
        if q[above] == 1.0:
            break
        above += 1
    q[above:] = 1.0


@njit(nogil=True, cache=True)
def log_time(log_p: np.ndarray, counts: np.ndarray, kept: int, start: int, guess: float = 0.0) -> float:
    """Solves for log t such that the sum of counts * (1 - exp(-t p)) is `kept`, by bracketed Newton steps.

    Args:
        log_p: ascending log probabilities, up to a constant.
        counts: the number of weights with each; more than `kept` in total.
        kept: the target.
        start: the index in `log_p` of the weight with rank `kept`.
        guess: an initial guess of log(t p) there, to save time.
    """
    numel = counts.sum()
    # Probabilities smaller by this factor add less than 1e-17 to the sum, even at `high`.
    first = np.searchsorted(log_p, log_p[start] - 45)
    p, n = np.exp(log_p[first:] - log_p[start]), counts[first:]
    # At `low`, the weights up to `start` sum to less than 1/2; at `high`, those above miss less than 1e-17.
    low, high = -math.log(2.0 * numel), math.log(math.log(numel) + 40)
    step = high - low
    while high - low > 1e-13 and abs(step) > 1e-12:
        time, total, slope = math.exp(guess), -float(kept), 0.0
        for i in range(p.size - 1, -1, -1):
            x = time * p[i]
            if x > 40.0:
                total += n[i]
            elif x > 1e-5:
                missed = math.exp(-x)
                total += n[i] * (1 - missed)
                slope += n[i] * x * missed
            else:
                total += n[i] * (x - x * x / 2)
                slope += n[i] * x
        if total > 0:
            high = guess
        else:
            low = guess
        # Bisect if the Newton step is more than half the last step or leaves the bracket.
        newton = guess - total / slope if slope > 0 else math.inf
        if abs(newton - guess) > abs(step) / 2 or not low <= newton <= high:
            newton = (low + high) / 2
        guess, step = newton, newton - guess
    return guess - log_p[start]


@njit(nogil=True, cache=True)
def threshold(
    y: np.ndarray, counts: np.ndarray, kept: int, draws: int, start: int, q: np.ndarray, near: float = -1.0
) -> float:
    """Solves for theta such that the sum of counts * q is `kept`, exactly for these bins; writes q.

    Args:
        y: ascending.
        counts: the number of weights with each; more than `kept` in total.
        kept: the target.
        draws: T.
        start: the index in y of the weight with rank `kept`.
        q: the output, the probabilities at theta.
        near: a non-negative guess, to save time.
    """
    if draws == 1:
        theta = -log_time(y, counts, kept, start)
    else:
        # The sum decreases with the threshold, linearly between integer counts.
        low = math.floor(near if near >= 0 else -math.expm1(-math.exp(y[start])) * draws)
        passed, step = _passed(y, counts, low, draws, start, q), 1
        while passed < kept:
            low, step = max(low - step, 0), 2 * step
            passed = _passed(y, counts, low, draws, start, q)
        high, step = low + 1, 1
        exceeded = _passed(y, counts, high, draws, start, q)
        while exceeded >= kept:
            low, high, passed, step = high, min(high + step, draws + 1), exceeded, 2 * step
            exceeded = _passed(y, counts, high, draws, start, q)
        while high - low > 1:
            middle = (low + high) // 2
            total = _passed(y, counts, middle, draws, start, q)
            if total >= kept:
                low, passed = middle, total
            else:
                high, exceeded = middle, total
        theta = low + (passed - kept) / (passed - exceeded)
    chances(y, theta, draws, start, q)
    return theta


@njit(nogil=True, cache=True)
def _passed(y, counts, theta, draws, start, q):
    chances(y, theta, draws, start, q)
    total = 0.0
    for i in range(q.size):
        total += counts[i] * q[i]
    return total
