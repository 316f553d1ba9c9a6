"""Randomized masks (Li, Gao, Lei, Xu 2023, arXiv 2310.13183; procedure as in the released code).

For a vector w of N weights of which k are kept, sampling ratio r and exponent tau:

    p_i  = |w_i|^tau / sum_j |w_j|^tau
    T    = max(int(r (N - k)), 1)                            number of draws
    c_i  = in how many of T draws of k weights without replacement, probabilities p, weight i is
    mask = the k largest c; ties at the boundary are broken at random

Two samplers do this. `method="draws"` is the paper's procedure literally, T weighted draws without
replacement. `method="counts"`, the default, reaches the same law in one pass. A draw without replacement
keeps the k smallest of the arrival times E_i / p_i (E exponential), that is those before the k-th arrival
time t; for many weights t hardly varies, and weight i is drawn with probability
pi_i = 1 - exp(-t p_i), t such that these sum to k. Hence c_i ~ Binomial(T, pi_i). It deviates from
the literal procedure in that t is fixed and that the counts of different weights are independent,
where drawing exactly k at a time makes them weakly negatively dependent; both vanish as k grows.
Where T = 1 the draw is made literally: independent counts would leave places to fill at random. t is found
from a histogram whose bins are narrower than a thousandth of their magnitude; that changes no probability pi
by more than 1e-5 at exponents up to 5 and 1e-3 up to 100.

The released code has more variants. `draws_by="kept"` makes T = max(int(r k), 1) (its type 1).
`method="uniform"` keeps any k weights that are not zero, all alike (its type 3, which draws among zeros too).
`method="band"` keeps what is larger than 3/2 of the threshold magnitude and draws within a band around it
(its type 5; `sampling.band`).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch

from workbench.errors import BadInput, unknown
from workbench.masks.mask import Mask
from workbench.masks.packed import PackedMatrix
from workbench.masks.parallel import each
from workbench.masks.ranking.topk import Budget, budgets
from workbench.masks.ranking.vectors import Vector, common_layout, on_host
from workbench.masks.sampling import counts
from workbench.masks.sampling.band import sample_band
from workbench.masks.sampling.draws import draw
from workbench.masks.sampling.histogram import Histogram
from workbench.masks.sampling.solved_law import Group
from workbench.randomness import derive

# 1024 bins an octave, each at most a thousandth of its magnitude wide.
_PRECISION = 10
_SAMPLERS = {"counts": counts.sample, "draws": draw, "uniform": counts.sample, "band": sample_band}
_DRAWS_BY = ("removed", "kept")


class Law(NamedTuple):
    """How the weights of one group are drawn.

    Attributes:
        draws: T.
        exponent: tau.
    """

    draws: int
    exponent: float


def sample_mask(
    weights: Mapping[str, torch.Tensor],
    sparsity: float,
    ratio: float = 1e-4,
    exponent: float = 5.0,
    scope: str = "matrix",
    seed: int = 0,
    method: str = "counts",
    *,
    draws_by: str = "removed",
    laws: Mapping[str, Law] | None = None,
) -> Mask:
    """One random mask around the magnitude mask; the smaller `ratio`, the more the two differ.

    Each weight has its own random number, a hash of (seed, name of the matrix or group, index of the
    weight in it). So what is sampled for one matrix depends neither on the other matrices nor on their
    order, and the mask neither on the device nor on the number of threads.

    Args:
        weights: names and floating-point tensors, finite. A weight of zero is never kept, so that masks
            sampled from pruned weights are nested.
        sparsity: share of weights to prune, in [0, 1); exactly `kept_count(numel, sparsity)` are kept.
        ratio: draws per removed weight, r above, in (0, 1e6]. The paper uses 5e-5 to 3e-4.
        exponent: tau above, in [0, 1000]; 0 draws uniformly, the paper uses 5.
        scope: which weights form one vector w: each "matrix" (the paper), each "type", or "global".
        seed: of the sample.
        method: "counts", "draws", "uniform" or "band", as above.
        draws_by: what `ratio` multiplies, the "removed" weights or the "kept" ones.
        laws: for "counts" and "draws", draws and exponent of each group by its name, as `laws_at_distance`
            finds them; in place of `ratio`, `exponent` and `draws_by`.

    Raises:
        BadInput: an argument out of its range, weights that cannot be ranked, a sparsity that keeps no
            weight, or fewer non-zero weights than are to be kept.
    """
    check_law(ratio, exponent)
    _check_ways(method, draws_by, laws)

    def sample(budget: Budget) -> dict[str, np.ndarray]:
        vectors, histogram = counted_group(weights, budget, serial)
        if laws is not None:
            law = laws[budget.group]
        elif method == "uniform":
            law = Law(1, 0.0)
        else:
            law = Law(number_of_draws(histogram.numel, budget.kept, ratio, draws_by), float(exponent))
        key = derive(seed, "sample", budget.group)
        return _SAMPLERS[method](Group(vectors, histogram, budget.kept, law.draws, law.exponent, key, ratio))

    wanted, serial = budgets(weights, sparsity, scope), not on_host(weights.values())
    packed: dict[str, np.ndarray] = {}
    for bits in each(sample, [(budget,) for budget in wanted], serial):
        packed |= bits
    return Mask({name: PackedMatrix(tuple(weights[name].shape), packed[name]) for name in weights})


def counted_group(
    weights: Mapping[str, torch.Tensor], budget: Budget, serial: bool
) -> tuple[tuple[Vector, ...], Histogram]:
    """The matrices of a group, and the histogram of all their magnitudes.

    Raises:
        BadInput: fewer weights are not zero than are to be kept.
    """
    layout = common_layout(weights[name] for name in budget.names)
    vectors = tuple(Vector(name, weights[name], layout) for name in budget.names)
    histogram = Histogram.merged(each(Histogram.of, [(vector, _PRECISION) for vector in vectors], serial))
    check_alive(budget.group, histogram.numel, histogram.alive, budget.kept)
    return vectors, histogram


def check_law(ratio: float, exponent: float) -> None:
    """Refuses a `ratio` or `exponent` that `sample_mask` does not know."""
    if not 0 < ratio <= 1e6:
        raise BadInput(f"sampling ratio {ratio!r} is not in (0, 1e6]; the paper uses 5e-5 to 3e-4")
    if not 0 <= exponent <= 1000:
        raise BadInput(f"sampling exponent {exponent!r} is not in [0, 1000]; the paper uses 5")


def _check_ways(method: str, draws_by: str, laws: Mapping[str, Law] | None) -> None:
    if method not in _SAMPLERS:
        raise unknown("sampling method", method, _SAMPLERS)
    if draws_by not in _DRAWS_BY:
        raise unknown("way to count draws", draws_by, _DRAWS_BY)
    if laws is not None and method not in ("counts", "draws"):
        raise BadInput(
            f"laws are for the methods counts and draws, and the method is {method}; leave out one."
        )


def check_alive(group: str, numel: int, alive: int, kept: int) -> None:
    """Refuses to keep more of a group's `numel` weights than the `alive` ones that are not zero."""
    if alive < kept:
        raise BadInput(
            f"{group} has {alive} non-zero weights, and sparsity {1 - kept / numel:.6g} keeps {kept} of "
            f"{numel}. Zeros are never sampled: choose a sparsity above that of the weights."
        )


def number_of_draws(numel: int, kept: int, ratio: float, by: str = "removed") -> int:
    """T for `kept` of a group's `numel` weights."""
    return max(int(ratio * (kept if by == "kept" else numel - kept)), 1)
