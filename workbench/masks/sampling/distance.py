"""How often to draw so that masks are a given distance from the magnitude mask, whatever a matrix's size."""

from collections.abc import Callable, Mapping

import numpy as np
import torch

from workbench.errors import BadInput
from workbench.masks.parallel import each
from workbench.masks.ranking.topk import Budget, budgets
from workbench.masks.ranking.vectors import on_host
from workbench.masks.sampling.histogram import Histogram, upper_edges
from workbench.masks.sampling.sample import Law, check_law, counted_group

# Draws beyond which sums over the histogram's bins are no longer exact enough.
_MOST_DRAWS = 1 << 17


def laws_at_distance(
    weights: Mapping[str, torch.Tensor],
    sparsity: float,
    distance: float,
    exponent: float = 5.0,
    scope: str = "matrix",
) -> dict[str, Law]:
    """Draws and exponent of each group, for `sample_mask(..., laws=...)`.

    By paper A's ratio the number of draws grows with a matrix, so that masks of small encoders are more
    random. Here it is the fewest draws whose expected distance (as `MagnitudeHistograms.expect` has it) is at
    most the one asked for. Since draws are whole numbers, a few of them come out too near, and even a single
    one does where much is to be moved. The exponent is therefore lowered until the expected distance is the
    one asked for: by little where there are many draws.

    Args:
        weights, sparsity, scope: as in `sample_mask`.
        distance: share of the kept weights that the magnitude mask prunes, in (0, 1).
        exponent: tau, the highest.

    Returns:
        a law for each group's name.

    Raises:
        BadInput: as `sample_mask`, or a distance that cannot be reached: a uniform draw is nearer, or it
            takes too many draws.
    """
    check_law(1.0, exponent)
    if not 0 < distance < 1:
        raise BadInput(f"distance {distance!r} is not in (0, 1); 0.03 moves three of a hundred kept weights.")
    wanted, serial = budgets(weights, sparsity, scope), not on_host(weights.values())

    def law(budget: Budget) -> Law:
        _, histogram = counted_group(weights, budget, serial)
        return _law(budget, histogram, distance, exponent)

    found = each(law, [(budget,) for budget in wanted], serial)
    return {budget.group: law for budget, law in zip(wanted, found, strict=True)}


def _law(budget: Budget, histogram: Histogram, distance: float, exponent: float) -> Law:
    most = 1 - budget.kept / histogram.alive
    if distance >= most:
        raise BadInput(
            f"distance {distance} is not below {most:.4g}, that of a uniform draw of {budget.kept} from the "
            f"{histogram.alive} non-zero weights of {budget.group}. Ask for less, or for a higher sparsity."
        )
    expected = _expected_distance(histogram, budget.kept)
    draws = _fewest(lambda draws: expected(draws, exponent) <= distance)
    if draws is None:
        raise BadInput(
            f"distance {distance} of {budget.group} takes more than {_MOST_DRAWS} draws at exponent "
            f"{exponent}. Ask for more, or for a higher exponent."
        )
    low, high = 0.0, exponent
    while high - low > 1e-4 * exponent:
        middle = (low + high) / 2
        low, high = (middle, high) if expected(draws, middle) > distance else (low, middle)
    return Law(draws, high)


def _fewest(enough: Callable[[int], bool]) -> int | None:
    """The least number of draws up to the limit that is enough; None if none is."""
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


def _expected_distance(histogram: Histogram, kept: int) -> Callable[[int, float], float]:
    """Expected distance of a group by draws and exponent."""
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
