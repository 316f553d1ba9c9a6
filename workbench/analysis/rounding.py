"""Variances of scores without what rounding leaves of those that are equal."""

import numpy as np

# Scores that differ by less, relative to the largest of them, are equal; rounding of float64 is far below.
_EQUAL = 1e-9


def without_rounding(variance: float, *scores: np.ndarray) -> float:
    """The variance, or 0 where it is no larger than rounding could make it.

    Args:
        variance: of the scores, of their differences or of means of either; NaN stays.
        scores: what it was computed from.
    """
    largest = max(float(np.abs(values).max(initial=0.0)) for values in scores)
    return 0.0 if variance <= (_EQUAL * largest) ** 2 else float(variance)
