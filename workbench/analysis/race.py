"""The race between a level's candidates: their early scores, and whether those predict the final ones."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import atanh, sqrt, tanh

import pandas as pd
import scipy

from workbench.runs import Run, dropped
from workbench.stages import Stage

_CURVES = ["candidate", "step", "value", "chosen", "dropped"]


def early_curves(run: Run, level: int) -> pd.DataFrame:
    """The evaluations of a level's candidates during their early training, also during the race.

    Args:
        run: any run.
        level: counted from 1.

    Returns:
        one row for each evaluation: candidate, step (optimizer steps of the early training), value (primary
        metric on the split used for selection), chosen, and dropped (whether a person removed the
        candidate from the race); no row for an engine without races.
    """
    pool = run.candidates(level)
    if not pool:
        return curves_so_far(run.events(), level, dropped(run.path, Stage.level(level).race))
    rows = [(c.index, step, value, c.chosen, c.dropped) for c in pool for step, value in c.curve]
    return pd.DataFrame(rows, columns=_CURVES)


def raced_levels(events: Sequence[dict]) -> list[int]:
    """The levels whose candidates have started their early training, in order."""
    stages = (Stage(event["stage"]) for event in events)
    return sorted({stage.level_number for stage in stages if stage.purpose == "racing"})


def curves_so_far(events: Sequence[dict], level: int, dropped: Collection[int] = ()) -> pd.DataFrame:
    """The table of `early_curves` for a race in progress, in which no candidate is chosen yet.

    Args:
        events: of the run so far.
        level: counted from 1.
        dropped: candidates that a person has removed.
    """
    race, rows = Stage.level(level).race, []
    for event in events:
        stage = Stage(event["stage"])
        if event["event"] == "evaluation" and stage.parent == race:
            candidate, value = stage.candidate_number, next(iter(event["metrics"].values()))
            rows.append((candidate, event["step"], value, False, candidate in dropped))
    return pd.DataFrame(rows, columns=_CURVES)


def early_against_final(run: Run, level: int) -> pd.DataFrame:
    """Each candidate's early score beside its score after full training.

    Returns:
        one row for each candidate: candidate, ratio, early, final, chosen; none unless the candidates were
        also trained in full (the setting `full_scores` of the engine).
    """
    pairs = zip(run.candidates(level), run.candidates(level, race="full"), strict=False)
    rows = [(early.index, early.ratio, early.score, full.score, early.chosen) for early, full in pairs]
    return pd.DataFrame(rows, columns=["candidate", "ratio", "early", "final", "chosen"])


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation with a 95 % interval.

    Attributes:
        rho: in [-1, 1]; None if either series is constant or there are fewer than 3 pairs.
        low, high: ends of the interval; None with fewer than 4 pairs, or if rho is -1, 1 or None.
        pairs: how many there are.
    """

    rho: float | None
    low: float | None
    high: float | None
    pairs: int

    def __str__(self) -> str:
        """The correlation of early and final scores, in a sentence."""
        if self.rho is None:
            return (
                "There is no rank correlation: early or final scores are all equal, or there are fewer than "
                "three candidates."
            )
        sentence = f"Spearman's rank correlation over {self.pairs} candidates is {self.rho:.2f}"
        if self.low is None:
            return (
                f"{sentence}; there is no interval for fewer than four candidates or a perfect correlation."
            )
        return f"{sentence}, 95 % interval {self.low:.2f} to {self.high:.2f}."


def rank_correlation(first: pd.Series, second: pd.Series) -> RankCorrelation:
    """Spearman's rho of two series of equal length; ties share their mean rank.

    The interval is Fisher's with the variance (1 + rho^2 / 2) / (n - 3) (Bonett and Wright 2000).
    """
    pairs = len(first)
    if pairs < 3 or first.nunique() == 1 or second.nunique() == 1:
        return RankCorrelation(None, None, None, pairs)
    rho = float(scipy.stats.spearmanr(first, second).statistic)
    if pairs < 4 or abs(rho) > 1 - 1e-12:
        return RankCorrelation(rho, None, None, pairs)
    reach = scipy.stats.norm.ppf(0.975) * sqrt((1 + rho**2 / 2) / (pairs - 3))
    return RankCorrelation(rho, tanh(atanh(rho) - reach), tanh(atanh(rho) + reach), pairs)
