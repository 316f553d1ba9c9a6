"""The race: how scores came about, and whether early ones foretell the final ones."""

from dataclasses import dataclass
from math import atanh, sqrt, tanh

import pandas as pd
from scipy import stats

from workbench.runs import Run

_NORMAL_975 = stats.norm.ppf(0.975)


def early_curves(run: Run, level: int) -> pd.DataFrame:
    """The evaluations of a level's candidates during their early training.

    Args:
        run: any run.
        level: counted from 1.

    Returns:
        one row an evaluation: candidate, step (optimizer steps of the early training), value (primary
        metric on the split that selection uses), chosen; no row for an engine that holds no race.
    """
    rows = [(c.index, step, value, c.chosen) for c in run.candidates(level) for step, value in c.curve]
    return pd.DataFrame(rows, columns=["candidate", "step", "value", "chosen"])


def early_against_final(run: Run, level: int) -> pd.DataFrame:
    """Each candidate's early score beside its score after full training.

    Returns:
        one row a candidate: candidate, ratio, early, final, chosen; none where candidates were not also
        trained in full (`full_scores` of the engine).
    """
    pairs = zip(run.candidates(level), run.candidates(level, race="full"), strict=False)
    rows = [(early.index, early.ratio, early.score, full.score, early.chosen) for early, full in pairs]
    return pd.DataFrame(rows, columns=["candidate", "ratio", "early", "final", "chosen"])


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation with a 95 % interval.

    Attributes:
        rho: in [-1, 1]; None where one of the two is constant or there are fewer than 3 pairs.
        low, high: ends of the interval; None with fewer than 4 pairs, or where rho is -1, 1 or None.
        pairs: how many there are.
    """

    rho: float | None
    low: float | None
    high: float | None
    pairs: int


def rank_correlation(first: pd.Series, second: pd.Series) -> RankCorrelation:
    """Spearman's rho of two series of equal length, ties sharing their mean rank.

    The interval is Fisher's with the variance (1 + rho^2 / 2) / (n - 3) (Bonett and Wright 2000).
    """
    pairs = len(first)
    if pairs < 3 or first.nunique() == 1 or second.nunique() == 1:
        return RankCorrelation(None, None, None, pairs)
    rho = float(stats.spearmanr(first, second).statistic)
    if pairs < 4 or abs(rho) > 1 - 1e-12:
        return RankCorrelation(rho, None, None, pairs)
    reach = _NORMAL_975 * sqrt((1 + rho**2 / 2) / (pairs - 3))
    return RankCorrelation(rho, tanh(atanh(rho) - reach), tanh(atanh(rho) + reach), pairs)
