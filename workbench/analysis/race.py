"""The race between a level's candidates: their early scores, and whether those predict the final ones."""

from collections.abc import Collection, Sequence

import pandas as pd

from workbench.analysis.rank_correlation import pooled_rank_correlation
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


def prediction(early: pd.Series, final: pd.Series) -> str:
    """Whether a pool's early scores predict its final ones, in a sentence (`pooled_rank_correlation`)."""
    if len(early) < 3 or early.nunique() == 1 or final.nunique() == 1:
        return (
            "There is no rank correlation: early or final scores are all equal, or there are fewer than "
            "three candidates."
        )
    found = pooled_rank_correlation([(early.to_numpy(), final.to_numpy())])
    return (
        f"Spearman's rank correlation over {found.pairs} candidates is {found.rho:.2f}, 95 % interval "
        f"{found.low:.2f} to {found.high:.2f}."
    )
