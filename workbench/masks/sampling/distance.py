"""Sampling laws for a given distance from the magnitude mask, independent of the size of a matrix."""

from collections.abc import Callable, Mapping

import numpy as np
import torch

from workbench.errors import BadInput
from workbench.masks.parallel import each
from workbench.masks.patterns import NM, UNSTRUCTURED, Pattern
from workbench.masks.ranking.topk import Budget, budgets
from workbench.masks.ranking.vectors import on_host
from workbench.masks.sampling.expected_of_every import ChosenGroups, DrawnTogether, kept_chances, moved
from workbench.masks.sampling.histogram import Histogram, upper_edges
from workbench.masks.sampling.sample import Law, check_law, counted_group, drawn_groups

# Weights of a group that are examined for n:m.
_CHOSEN = 1 << 12
# Beyond this number of draws, sums over the histogram's bins are not accurate enough.
_MOST_DRAWS = 1 << 17


def laws_at_distance(
    weights: Mapping[str, torch.Tensor],
    sparsity: float,
    distance: float,
    exponent: float = 5.0,
    scope: str = "matrix",
    pattern: str | Pattern = UNSTRUCTURED,
) -> dict[str, Law]:
    """The draws and exponent of each group, for `sample_mask(..., laws=...)`.

    With paper A's ratio the number of draws grows with the matrix, so masks of small encoders are more
    random. Here the number of draws is the smallest one whose expected distance (see
    `MagnitudeHistograms.expect`) is at most the requested one. Since draws are integers, a few draws can
    result in a smaller distance than requested, and for a large distance even a single draw does. The
    exponent is therefore lowered until the expected distance is the requested one; with many draws it is
    lowered only slightly.

    Args:
        weights, sparsity, scope: as in `sample_mask`.
        distance: share of the kept weights that the magnitude mask prunes, in (0, 1).
        exponent: the maximum of tau.
        pattern: as in `sample_mask`. For n:m, the sparsity must be its own: with a lower one, masks keep some
            weights by a threshold, which is not computed. The distance is that of about a thousand groups,
            and off by a few per cent. At a high exponent, large weights are drawn every time and ties decide,
            so a small distance needs many draws, and often a much lower exponent has it too.

    Returns:
        The law of each group, by name.

    Raises:
        BadInput: as `sample_mask`; also if the distance cannot be reached, because it exceeds that of a
            uniform draw or needs too many draws.
    """
    check_law(1.0, exponent)
    if not 0 < distance < 1:
        raise BadInput(
            f"distance {distance!r} is not in (0, 1). For example, 0.03 moves 3 % of the kept weights."
        )
    (pattern := Pattern.of(pattern)).check_final(sparsity)
    drawn = drawn_groups(weights, sparsity, scope, pattern)
    wanted, serial = budgets(drawn, sparsity, scope, pattern.unit), not on_host(drawn.values())

    def law(budget: Budget) -> Law:
        if isinstance(pattern, NM):
            chosen = ChosenGroups.of({name: drawn[name] for name in budget.names}, pattern, _CHOSEN)
            expected = _distance_of_every(chosen)
            most = expected(1, 0.0)
        else:
            _, histogram = counted_group(drawn, budget, serial)
            expected = _expected_distance(histogram, budget.kept)
            most = 1 - budget.kept / histogram.alive
        if distance >= most:
            raise BadInput(
                f"distance {distance} is not below {most:.4g}, that of a uniform draw of {budget.kept} "
                f"non-zero {pattern.unit} of {budget.group}. Give a smaller distance or a higher sparsity."
            )
        return _law(budget.group, expected, distance, exponent, 1e-2 if isinstance(pattern, NM) else 1e-4)

    laws = each(law, [(budget,) for budget in wanted], serial)
    return {budget.group: law for budget, law in zip(wanted, laws, strict=True)}


def _law(
    group: str,
    expected: Callable[[int, float], float],
    distance: float,
    exponent: float,
    tolerance: float,
) -> Law:
    """The law with a given distance; `tolerance` is the relative error of its exponent."""
    draws = _fewest(lambda draws: expected(draws, exponent) <= distance)
    if draws is None:
        raise BadInput(
            f"distance {distance} of {group} needs more than {_MOST_DRAWS} draws at exponent "
            f"{exponent}. Give a larger distance or a higher exponent."
        )
    low, high = 0.0, exponent
    while high - low > tolerance * exponent:
        middle = (low + high) / 2
        low, high = (middle, high) if expected(draws, middle) > distance else (low, middle)
    return Law(draws, high)


def _fewest(enough: Callable[[int], bool]) -> int | None:
    """The smallest sufficient number of draws up to the limit; None if there is none."""
    high = 1
    while not enough(high):
        if high >= _MOST_DRAWS:
            return None
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _distance_of_every(chosen: ChosenGroups) -> Callable[[int, float], float]:
    """The expected distance of a group with a pattern n:m as a function of draws and exponent."""
    magnitudes, pattern = np.concatenate(list(chosen.magnitudes.values())), chosen.pattern

    def expected(draws: int, exponent: float) -> float:
        law = DrawnTogether.of(magnitudes, pattern.n, draws, exponent)
        chances = kept_chances(magnitudes, pattern.n, law)
        return moved(magnitudes, chances, pattern) / chances.sum()

    return expected


def _expected_distance(histogram: Histogram, kept: int) -> Callable[[int, float], float]:
    """The expected distance of a group as a function of draws and exponent."""
    from workbench.masks.sampling.expected_numba import expectations

    first, last = histogram.bins[0], histogram.bins[-1]
    counts = np.zeros((1, last - first + 1), dtype=np.int64)
    counts[0, histogram.bins - first] = histogram.counts
    edges = upper_edges(np.arange(first - 1, last + 1), histogram.layout, histogram.precision)
    edges = np.clip(edges, 5e-324, 1e308)
    group, number = np.zeros(1, dtype=np.int64), np.array([kept], dtype=np.int64)

    def expected(draws: int, exponent: float) -> float:
        sums = expectations(edges, counts, group, number, np.array([draws], dtype=np.int64), float(exponent))
        return float(sums[1, 0] / kept)

    return expected
