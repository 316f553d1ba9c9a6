"""Randomized masks (Li, Gao, Lei, Xu 2023, arXiv 2310.13183; procedure as in the released code).

For a vector w of N weights of which k are kept, sampling ratio r and exponent tau:

    p_i  = |w_i|^tau / sum_j |w_j|^tau
    T    = max(int(r (N - k)), 1)                            number of draws
    c_i  = in how many of T draws of k weights without replacement, probabilities p, weight i is
    mask = the k largest c; ties at the boundary are broken by lot

Two samplers make the counts c; see `sample_mask`.
"""

from collections.abc import Mapping

import numpy as np
import torch
from scipy.optimize import brentq

from workbench.errors import BadInput, unknown
from workbench.masks.mask import Mask
from workbench.masks.ranking import choose_mask, top_k
from workbench.randomness import numpy_generator


def sample_mask(
    weights: Mapping[str, torch.Tensor],
    sparsity: float,
    ratio: float = 1e-4,
    exponent: float = 5.0,
    scope: str = "matrix",
    seed: int = 0,
    method: str = "counts",
) -> Mask:
    """One random mask around the magnitude mask; the smaller `ratio`, the more it differs from it.

    `method="draws"` is the paper's procedure literally, T weighted draws without replacement.
    `method="counts"`, the default, reaches the same law in one pass. A draw without replacement keeps
    the k smallest of the arrival times E_i / p_i (E exponential), that is those before the k-th arrival
    time t; for many weights t hardly varies, and weight i is drawn with probability
    pi_i = 1 - exp(-t p_i), t such that these sum to k. Hence c_i ~ Binomial(T, pi_i). It deviates from
    the literal procedure in that t is fixed and that the counts of different weights are independent,
    where drawing exactly k at a time makes them weakly negatively dependent; both vanish as k grows.
    Where T = 1 the draw is made literally: independent counts would leave places to fill by lot.

    Each group has its own generator, derived from (seed, "sample", name of the matrix or group): what is
    sampled for one matrix depends neither on the other matrices nor on their order.

    Args:
        weights: names and floating-point tensors, finite. A weight of zero is never kept, so that masks
            sampled from pruned weights are nested.
        sparsity: share of weights to prune, in [0, 1); exactly `kept_count(numel, sparsity)` are kept.
        ratio: draws per removed weight, r above, in (0, 1e6]. The paper uses 5e-5 to 3e-4.
        exponent: tau above, in [0, 1000]; 0 draws uniformly, the paper uses 5.
        scope: which weights form one vector w: each "matrix" (the paper), each "type", or "global".
        seed: of the sample.
        method: "counts" or "draws".

    Raises:
        BadInput: an argument out of its range, weights that cannot be ranked, a sparsity that keeps no
            weight, or fewer non-zero weights than are to be kept.
    """
    if method not in _SAMPLERS:
        raise unknown("sampling method", method, _SAMPLERS)
    if not 0 < ratio <= 1e6:
        raise BadInput(f"sampling ratio {ratio!r} is not in (0, 1e6]; the paper uses 5e-5 to 3e-4")
    if not 0 <= exponent <= 1000:
        raise BadInput(f"sampling exponent {exponent!r} is not in [0, 1000]; the paper uses 5")

    def choose(group: str, values: np.ndarray, kept: int) -> np.ndarray:
        alive = np.flatnonzero(values)
        if alive.size < kept:
            raise BadInput(
                f"{group} has {alive.size} non-zero weights, and sparsity {sparsity} keeps {kept} of "
                f"{values.size}. Zeros are never sampled: choose a sparsity above that of the weights."
            )
        log_p = exponent * np.log(np.abs(values[alive], dtype=np.float64))
        log_p -= log_p.max()
        draws = max(int(ratio * (values.size - kept)), 1)
        rng = numpy_generator(seed, "sample", group)
        keep = np.zeros(values.size, dtype=bool)
        keep[alive[top_k(_SAMPLERS[method](log_p, kept, draws, rng), kept, rng)]] = True
        return keep

    return choose_mask(weights, sparsity, scope, choose)


def literal_counts(log_p: np.ndarray, kept: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Counts over `draws` draws of `kept` entries without replacement, by Gumbel keys in log space.

    Args:
        log_p: log probabilities up to a constant.
    """
    counts = np.zeros(log_p.size, dtype=np.int64)
    for _ in range(draws):
        counts += top_k(log_p + rng.gumbel(size=log_p.size), kept)
    return counts


def binomial_counts(log_p: np.ndarray, kept: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Counts with the law of `literal_counts` for many entries, independent of each other where draws > 1."""
    if draws == 1:
        return literal_counts(log_p, kept, draws, rng)
    return rng.binomial(draws, inclusion(log_p, kept))


def inclusion(log_p: np.ndarray, kept: int) -> np.ndarray:
    """pi_i = 1 - exp(-t p_i) with t such that they sum to `kept`.

    Args:
        log_p: log probabilities up to a constant, the largest 0.
        kept: 1 <= kept <= size.
    """
    if kept == log_p.size:
        return np.ones(log_p.size)

    def probabilities(log_t: float) -> np.ndarray:
        # Beyond exp(5) the probability is 1 in float64; without the bound the exponential may overflow.
        return -np.expm1(-np.exp(np.minimum(log_p + log_t, 5.0)))

    # At `low` the sum is below `kept`, as 1 - exp(-x) < x. At `high` each entry misses with a
    # probability below 1 / size, so that less than one entry is missing in all.
    low = np.log(kept / log_p.size) - 1
    high = np.log(np.log(log_p.size) + 1) - log_p.min()
    log_t = brentq(lambda x: probabilities(x).sum() - kept, low, high, xtol=1e-9, maxiter=1000)
    return probabilities(log_t)


_SAMPLERS = {"counts": binomial_counts, "draws": literal_counts}
