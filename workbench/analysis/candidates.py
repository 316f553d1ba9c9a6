"""The candidates of races as tables: how each did early, and where it ended when trained in full."""

from collections.abc import Sequence
from itertools import count

import pandas as pd

from workbench.errors import BadInput
from workbench.runs import Run
from workbench.runs.run import CandidateResult

POOL = ["seed", "level"]


def final_table(runs: Sequence[Run]) -> pd.DataFrame:
    """The scores of candidates that were trained in full (`full_scores` of the engine `randomized`).

    Args:
        runs: complete runs of one setting, such as a pool's or its control's, that differ in their seeds.

    Returns:
        one row for each candidate and data order: seed, level (from 1), mask (index in the pool), order (from
            0), final (primary metric on the split used for selection, at the end), chosen (whether it won the
            race) and sampled (False for the magnitude mask that `with_magnitude` adds).

    Raises:
        BadInput: two runs have the same seed.
    """
    _check_seeds(runs)
    rows = [
        (
            *(run.spec.seed, level, candidate.index, order, candidate.score, winners[candidate.index]),
            candidate.index < run.spec.engine.candidates,
        )
        for run in runs
        for level in levels(run)
        for winners in [[early.chosen for early in run.candidates(level)]]
        for order in _orders(run, level)
        for candidate in run.candidates(level, race="full", order=order)
    ]
    return pd.DataFrame(rows, columns=[*POOL, "mask", "order", "final", "chosen", "sampled"])


def early_table(runs: Sequence[Run]) -> pd.DataFrame:
    """The early score of each candidate as it would have been at every evaluation, beside its final one.

    Args:
        runs: as in `final_table`; candidates that were not trained in full have no row.

    Returns:
        one row for each candidate, kind of score and early length: seed, level, mask, kind ("metric" or
            "loss"), step (optimizer steps of the early training), early (the mean of the evaluations so far
            that the engine's `early_evaluations` would take, or an interim evaluation by itself; losses with
            their sign changed, so that high is good), and final (the mean over data orders).
    """
    finals = final_table(runs).groupby([*POOL, "mask"])["final"].mean()
    rows = []
    for run in runs:
        average = run.spec.engine.early_evaluations
        for level in levels(run):
            for candidate in run.candidates(level):
                place = (run.spec.seed, level, candidate.index)
                if place in finals.index:
                    scores = _early_scores(candidate, average)
                    rows += [(*place, *score, finals[place]) for score in scores]
    return pd.DataFrame(rows, columns=[*POOL, "mask", "kind", "step", "early", "final"])


def _early_scores(candidate: CandidateResult, average: int) -> list[tuple[str, int, float]]:
    found = []
    for kind, curve, sign in (("metric", candidate.curve, 1), ("loss", candidate.losses, -1)):
        ranked = []
        for step, value in curve:
            if step in candidate.interim:
                found.append((kind, step, sign * value))
            else:
                ranked = [*ranked, value][-average:]
                found.append((kind, step, sign * sum(ranked) / len(ranked)))
    return found


def levels(run: Run) -> range:
    """The levels of a complete run, counted from 1."""
    return range(1, len(run.results["levels"]) + 1)


def _orders(run: Run, level: int) -> range:
    return range(next(order for order in count() if not run.candidates(level, race="full", order=order)))


def _check_seeds(runs: Sequence[Run]) -> None:
    seeds = [run.spec.seed for run in runs]
    if twice := sorted(seed for seed in set(seeds) if seeds.count(seed) > 1):
        raise BadInput(f"two runs have seed {twice[0]}; give runs of one setting that differ in their seeds.")
