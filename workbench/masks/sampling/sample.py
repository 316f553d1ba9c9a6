"""Randomized masks (Li, Gao, Lei, Xu 2023, arXiv 2310.13183; procedure as in the released code).

For a vector w of N weights of which k are kept, sampling ratio r and exponent tau:

    p_i  = |w_i|^tau / sum_j |w_j|^tau
    T    = max(int(r (N - k)), 1)                            number of draws
    c_i  = number of draws that contain weight i, out of T draws of k weights without replacement
    mask = the k largest c; ties at the boundary are broken at random

Two samplers implement this. `method="draws"` is the literal procedure of the paper: T weighted draws without
replacement. `method="counts"`, the default, samples from the same law in one pass. A draw without replacement
keeps the k smallest arrival times E_i / p_i (E exponential), that is, those before the k-th arrival time t.
For many weights t hardly varies, and weight i is drawn with probability pi_i = 1 - exp(-t p_i), where t is
such that these probabilities sum to k. Hence c_i ~ Binomial(T, pi_i). This deviates from the literal
procedure in that t is fixed, and in that the counts of different weights are independent, whereas drawing
exactly k weights at a time makes them weakly negatively dependent; both effects vanish as k grows. For T = 1
the draw is performed literally, because independent counts would leave part of the mask to be filled at
random. t is computed from a histogram whose bins are narrower than a thousandth of their magnitude, which
changes no probability pi by more than 1e-5 at exponents up to 5, and 1e-3 up to 100.

The released code has more variants. `draws_by="kept"` sets T = max(int(r k), 1) (its type 1).
`method="uniform"` keeps k of the non-zero weights, uniformly at random (its type 3, which also draws zeros).
`method="band"` keeps all weights above 3/2 of the threshold magnitude and draws within a band around the
threshold (its type 5; see `sampling.band`).

With a pattern (`masks.patterns`), our addition, the law is the same. Blocks and rows take the place of
weights: w holds the mean magnitude of each, N and k are their numbers, and T = max(int(r g (N - k)), 1) for
groups of g weights, so that a ratio still counts draws for each removed weight. With n:m, the draws are those
of single weights; the mask keeps the n largest c of every m, and of all other weights the largest c until k
are kept (none of them at the sparsity 1 - n/m). More than n weights of a group are often drawn every time,
and ties decide, so masks n:m are more random than others at the same ratio and exponent.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch

from workbench.errors import BadInput, unknown
from workbench.masks.mask import Mask
from workbench.masks.packed import PackedMatrix
from workbench.masks.parallel import each
from workbench.masks.patterns import NM, UNSTRUCTURED, Pattern
from workbench.masks.ranking.topk import Budget, budgets, check_tensors, ranked_groups, spread
from workbench.masks.ranking.vectors import Vector, common_layout, on_host
from workbench.masks.sampling import counts
from workbench.masks.sampling.band import sample_band
from workbench.masks.sampling.draws import draw
from workbench.masks.sampling.histogram import Histogram
from workbench.masks.sampling.of_every import sample_of_every
from workbench.masks.sampling.solved_law import Group
from workbench.randomness import derive

# 1024 bins per octave, each at most a thousandth of its magnitude wide.
_PRECISION = 10
_SAMPLERS = {"counts": counts.sample, "draws": draw, "uniform": counts.sample, "band": sample_band}
_DRAWS_BY = ("removed", "kept")


class Law(NamedTuple):
    """The sampling law of one group.

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
    pattern: str | Pattern = UNSTRUCTURED,
) -> Mask:
    """Samples a random mask around the magnitude mask; the smaller `ratio`, the more the two differ.

    Each weight has its own random number, a hash of (seed, name of the matrix or group, index of the weight
    in it). The sample of one matrix therefore does not depend on the other matrices or their order, and the
    mask does not depend on the device or the number of threads.

    Args:
        weights: finite floating-point tensors by name. Zero weights are never kept, so masks sampled from
            pruned weights are nested.
        sparsity: share of weights to prune, in [0, 1); exactly `kept_count(numel, sparsity)` are kept.
        ratio: draws per removed weight, r above, in (0, 1e6]. The paper uses 5e-5 to 3e-4.
        exponent: tau above, in [0, 1000]; 0 draws uniformly, the paper uses 5.
        scope: the weights that form one vector w: each "matrix" (as in the paper), each "type", or "global".
        seed: seed of the sample.
        method: "counts", "draws", "uniform" or "band", as above.
        draws_by: whether `ratio` multiplies the number of "removed" or of "kept" weights.
        laws: for "counts" and "draws", the draws and exponent of each group by name, such as those of
            `laws_at_distance`, instead of `ratio`, `exponent` and `draws_by`.
        pattern: how the kept weights are arranged, as in `topk_mask`; its law is above.

    Raises:
        BadInput: as `topk_mask`; also if there are fewer non-zero weights than are to be kept.
    """
    check_law(ratio, exponent)
    _check_ways(method, draws_by, laws, pattern := Pattern.of(pattern))
    drawn = drawn_groups(weights, sparsity, scope, pattern)

    def sample(budget: Budget) -> dict[str, np.ndarray]:
        vectors, histogram = counted_group(drawn, budget, serial)
        if laws is not None:
            law = laws[budget.group]
        elif method == "uniform":
            law = Law(1, 0.0)
        else:
            size = pattern.size(tuple(weights[budget.names[0]].shape))
            draws = number_of_draws(size * histogram.numel, size * budget.kept, ratio, draws_by)
            law = Law(draws, float(exponent))
        key = derive(seed, "sample", budget.group)
        group = Group(vectors, histogram, budget.kept, law.draws, law.exponent, key, ratio)
        return _sampled(group, method, pattern)

    wanted, serial = budgets(drawn, sparsity, scope, pattern.unit), not on_host(drawn.values())
    packed: dict[str, np.ndarray] = {}
    for bits in each(sample, [(budget,) for budget in wanted], serial):
        packed |= bits
    matrices = {name: PackedMatrix(tuple(drawn[name].shape), packed[name]) for name in weights}
    return spread(Mask(matrices), pattern, weights)


def _sampled(group: Group, method: str, pattern: Pattern) -> dict[str, np.ndarray]:
    if isinstance(pattern, NM):
        return sample_of_every(group, pattern, literal=method == "draws")
    return _SAMPLERS[method](group)


def drawn_groups(
    weights: Mapping[str, torch.Tensor], sparsity: float, scope: str, pattern: Pattern
) -> Mapping[str, torch.Tensor]:
    """What is drawn with a pattern: the weights, or the mean magnitudes of their blocks or rows.

    Raises:
        BadInput: as `topk_mask`.
    """
    if pattern == UNSTRUCTURED:
        return weights
    if isinstance(pattern, NM):
        pattern.check({name: tuple(weight.shape) for name, weight in weights.items()}, sparsity, scope)
        return weights
    check_tensors(weights)
    means = ranked_groups({name: w.detach().abs() for name, w in weights.items()}, sparsity, scope, pattern)
    # In float32 they are counted in an eighth of the time.
    return {
        name: mean if weights[name].dtype == torch.float64 else mean.float() for name, mean in means.items()
    }


def counted_group(
    weights: Mapping[str, torch.Tensor], budget: Budget, serial: bool
) -> tuple[tuple[Vector, ...], Histogram]:
    """The matrices of a group, and the histogram of all their magnitudes.

    Raises:
        BadInput: there are fewer non-zero weights than are to be kept.
    """
    layout = common_layout(weights[name] for name in budget.names)
    vectors = tuple(Vector(name, weights[name], layout) for name in budget.names)
    histogram = Histogram.merged(each(Histogram.of, [(vector, _PRECISION) for vector in vectors], serial))
    check_alive(budget.group, histogram.numel, histogram.alive, budget.kept)
    return vectors, histogram


def check_law(ratio: float, exponent: float) -> None:
    """Rejects a `ratio` or `exponent` that is out of range."""
    if not 0 < ratio <= 1e6:
        raise BadInput(f"sampling ratio {ratio!r} is not in (0, 1e6]. The paper uses 5e-5 to 3e-4.")
    if not 0 <= exponent <= 1000:
        raise BadInput(f"sampling exponent {exponent!r} is not in [0, 1000]. The paper uses 5.")


def _check_ways(method: str, draws_by: str, laws: Mapping[str, Law] | None, pattern: Pattern) -> None:
    if method not in _SAMPLERS:
        raise unknown("sampling method", method, _SAMPLERS)
    if draws_by not in _DRAWS_BY:
        raise unknown("way to count draws", draws_by, _DRAWS_BY)
    if laws is not None and method not in ("counts", "draws"):
        raise BadInput(
            f"laws are only for the methods counts and draws, but the method is {method}. Leave one of them "
            "out."
        )
    if method == "band" and isinstance(pattern, NM):
        raise BadInput(
            f"the sampling method band draws around one threshold for all weights, but {pattern} has one for "
            f"every {pattern.m} weights. Choose counts, draws or uniform."
        )


def check_alive(group: str, numel: int, alive: int, kept: int) -> None:
    """Rejects a group with fewer non-zero weights (`alive`) than are to be kept."""
    if alive < kept:
        raise BadInput(
            f"{group} has {alive} non-zero weights, but sparsity {1 - kept / numel:.6g} keeps {kept} of "
            f"{numel}. Zeros are never sampled: choose a sparsity above that of the weights."
        )


def number_of_draws(numel: int, kept: int, ratio: float, by: str = "removed") -> int:
    """The number of draws T for keeping `kept` of a group's `numel` weights."""
    return max(int(ratio * (kept if by == "kept" else numel - kept)), 1)
