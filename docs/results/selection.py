"""The tables that answer the questions of selection.md, from the complete runs of a grid file in a store.

Entries of the engine `randomized` with another sampler than "magnitude" are the ones in question; those
with `full_scores` are also the pools of the first two questions. "Outside" is the share of the kept weights
outside the magnitude mask, as a mean over sampled masks. Intervals are 95 %.

Usage: .venv/bin/python docs/results/selection.py GRID.yaml STORE
"""

import sys
from collections.abc import Callable, Sequence
from functools import cache
from itertools import permutations

import numpy as np
import pandas as pd
from can_see import verdicts
from compare import markdown
from grid_runs import grid_runs

from workbench import Run, runs_in
from workbench.analysis.checks import checks_among
from workbench.analysis.comparison import CONDITION, comparison_table
from workbench.analysis.differences import EQUAL_STEPS, bootstrap_interval
from workbench.analysis.matched_pools import (
    PLACE,
    MatchedPool,
    correlation_table,
    gain_table,
    matched_pools,
    predicts_from,
    share_table,
)
from workbench.analysis.paired import Scores, scores_of
from workbench.analysis.resolution import Difference
from workbench.runs import COMPLETE, status

_SHOWN = ["task", "sparsity", "outside", "entry"]
_STEPS = {"steps": "steps", "pool_steps": "with all full trainings", "minus_steps": "steps of the other"}


def variances(pools: Sequence[MatchedPool]) -> pd.DataFrame:
    """Question 1: the share of the variance of final scores that masks explain beyond data orders."""
    table = share_table(pools)
    rows = _places(table)
    rows["design"], rows["seeds"] = table["design"], table["seeds"]
    rows["share"] = _cells(table, "share", ".2f")
    rows["a mask is worth"] = _numbers(table["deviation"], ".4f")
    rows["degrees of freedom"] = [f"{m}, {o}" for m, o in zip(table["masks"], table["orders"], strict=True)]
    rows["no answer because"] = table["missing"]
    return rows


def predictions(pools: Sequence[MatchedPool]) -> pd.DataFrame:
    """Question 2: the rank correlation of early with final scores, a column for each early length."""
    table = correlation_table(pools)
    table["cell"] = _cells(table, "rho", ".2f")
    steps = [f"step {step}" for step in sorted(table["step"].unique())]
    found = predicts_from(table)
    rows = _places(found)
    rows["early"] = found["kind"]
    rows["predicts from"] = ["never" if pd.isna(step) else f"{step:.0f}" for step in found["step"]]
    curves = table.groupby([*PLACE, "kind"], sort=False, dropna=False)
    cells = [{f"step {row.step}": row.cell for row in curve.itertuples()} for _, curve in curves]
    return rows.join(pd.DataFrame(cells, columns=steps).fillna(""))


def choices(pools: Sequence[MatchedPool]) -> pd.DataFrame:
    """Question 3: gains on the split used for selection."""
    table = gain_table(pools)
    rows = _places(table)
    rows["over"], rows["rule"], rows["pools"] = table["over"], table["rule"], table["pools"]
    rows["gain"] = _cells(table, "gain", "+.4f")
    rows["would detect"] = _numbers(table["detectable"], ".4f")
    return rows


def differences(
    runs: Sequence[Run], entries: dict[str, str], asked: Callable[[Run, Run], bool]
) -> pd.DataFrame:
    """Dev of one entry minus that of another, at equal seeds on the same device and processor.

    Args:
        runs: complete runs.
        entries: their entries in the grid.
        asked: whether the entry of a run is to be compared with that of another run.

    Returns:
        one row for each pair: task, model, sparsity, entry, minus, found (a `Difference`), low and high (by a
        bootstrap over seeds and dev examples), and, as means of optimizer steps from the pretrained encoder,
        steps, pool_steps (with the full trainings of all candidates) and minus_steps.
    """
    by_name = {run.name: run for run in runs}
    table = comparison_table(runs).assign(entry=lambda rows: rows["run"].map(entries))
    place = ["device", "processor"]
    for column in place:
        table[column] = [by_name[name].environment[column] for name in table["run"]]
    scores = cache(lambda name: scores_of([by_name[name]]))
    rows = []
    for condition, part in table.groupby(CONDITION, sort=False):
        by_run = part.set_index([*place, "seed"])
        by_entry = dict(iter(by_run.groupby("entry", sort=False)))
        for (name, first), (other, second) in permutations(by_entry.items(), 2):
            seeds = first.index.intersection(second.index)
            if len(seeds) and asked(*(by_name[rows["run"].iloc[0]] for rows in (first, second))):
                first, second = first.loc[seeds], second.loc[seeds]
                pair = [_stacked([scores(run) for run in rows["run"]]) for rows in (first, second)]
                steps, minus = (rows["from_pretrained"].mean() for rows in (first, second))
                full = np.mean([_full_steps(by_name[run]) for run in first["run"]])
                found = (Difference.between(*pair), *bootstrap_interval(*pair)[:2])
                rows.append((*condition, name, other, *found, steps, steps + full, minus))
    columns = [*CONDITION, "entry", "minus", "found", "low", "high", "steps", "pool_steps", "minus_steps"]
    return pd.DataFrame(rows, columns=columns)


def difference_text(table: pd.DataFrame) -> pd.DataFrame:
    """`differences` as text."""
    rows = table[["task", "sparsity", "entry", "minus"]].copy()
    table = table.assign(difference=[one.difference for one in table["found"]])
    rows["seeds"] = [one.seeds for one in table["found"]]
    rows["difference on dev, bootstrap"] = _cells(table, "difference", "+.4f")
    rows["by Student's t"] = [f"{one.low:+.4f} to {one.high:+.4f}" for one in table["found"]]
    rows["would detect"] = _numbers([one.detectable for one in table["found"]], ".4f")
    for name, title in _STEPS.items():
        rows[title] = _numbers(table[name], ".0f")
    return rows


def summary(pools: Sequence[MatchedPool], pairs: pd.DataFrame) -> pd.DataFrame:
    """Question 4: the answers by sparsity and distance, a row for each pool."""
    rows = []
    for pool in pools:
        shares, gains = share_table([pool]), gain_table([pool]).set_index("rule")
        found = predicts_from(correlation_table([pool])).set_index("kind")
        row = {"share of masks": " / ".join(filter(None, _cells(shares, "share", ".2f")))}
        row |= dict(zip("early " + found.index, _cells(found, "rho", ".2f"), strict=True))
        row |= dict(zip(gains.index, _cells(gains, "gain", "+.4f"), strict=True))
        rows.append(row | {"dev - control": _minus_control(pool, pairs)})
    places = pd.DataFrame([pool.place for pool in pools], columns=PLACE)
    return _places(places).join(pd.DataFrame(rows).fillna(""))


def _minus_control(pool: MatchedPool, pairs: pd.DataFrame) -> str:
    """Dev of a pool's chosen masks minus that of the grid's control at as many steps."""
    here = (pairs[[*CONDITION, "entry"]] == [*pool.place[:4]]).all(axis=1) & pairs["control"]
    equal = (pairs["steps"] - pairs["minus_steps"]).abs() <= EQUAL_STEPS * pairs["steps"]
    rows = pairs[here & equal]
    rows = rows.assign(difference=[one.difference for one in rows["found"]])
    return next(iter(_cells(rows, "difference", "+.4f")), "")


def _selects(run: Run) -> bool:
    return run.spec.engine.id == "randomized" and not _copies(run)


def _copies(run: Run) -> bool:
    return run.spec.engine.id == "randomized" and run.spec.engine.sampler == "magnitude"


def _is_longer(run: Run, other: Run) -> bool:
    one_shot = run.spec.engine.id == other.spec.engine.id == "magnitude"
    return one_shot and run.optimizer_steps > other.optimizer_steps


def _full_steps(run: Run) -> int:
    return run.results["cost"].get("full", {}).get("optimizer_steps", 0)


def _stacked(scores: Sequence[Scores]) -> Scores:
    known = all(one.resampled is not None for one in scores)
    resampled = np.concatenate([one.resampled for one in scores]) if known else None
    return Scores(np.concatenate([one.values for one in scores]), resampled)


def _places(table: pd.DataFrame) -> pd.DataFrame:
    outside = ["" if pd.isna(value) else f"{value:.3f}" for value in table["distance"]]
    return table.rename(columns={"engine": "entry"}).assign(outside=outside)[_SHOWN]


def _cells(table: pd.DataFrame, name: str, digits: str) -> list[str]:
    """A value with its interval, empty where there is no value."""
    cells = []
    for value, low, high in zip(table[name], table["low"], table["high"], strict=True):
        interval = "" if pd.isna(low) else f" ({low:{digits}} to {high:{digits}})"
        cells.append("" if pd.isna(value) else f"{value:{digits}}{interval}")
    return cells


def _numbers(values: Sequence[float], digits: str) -> list[str]:
    return ["" if pd.isna(value) else f"{value:{digits}}" for value in values]


def main(grid: str, store: str) -> None:
    """Prints all tables as Markdown."""
    runs, entries, wanted = grid_runs(grid, store)
    print(f"{len(runs)} of {wanted} runs are complete.")
    pools = matched_pools(runs, entries)
    pairs = differences(runs, entries, lambda run, other: _selects(run) and not _selects(other))
    controls = {entries[run.name] for run in runs if _copies(run)}
    pairs["control"] = pairs["minus"].isin(controls)
    # The runs of the check may be those of another grid.
    checks = checks_among([run for run in runs_in(store) if status(run) == COMPLETE])
    longer = difference_text(differences(runs, entries, _is_longer))
    tables = {
        "Does the setting tell masks apart?": verdicts(
            checks[checks["task"].isin(run.spec.task for run in runs)]
        ),
        "Is the training after pruning long enough?": longer.drop(columns=_STEPS["pool_steps"]),
    }
    if pools:
        tables |= {
            "Q1. Do masks of a pool differ beyond data order?": variances(pools),
            "Q2. Does an early score predict the final one?": predictions(pools),
            "Q3. What does choosing gain, on the split used for selection?": choices(pools),
        }
    tables["Q3. What does selecting gain on dev?"] = difference_text(pairs)
    if pools:
        tables["Q4. By sparsity and distance"] = summary(pools, pairs)
    for title, table in tables.items():
        print(f"\n## {title}\n\n{markdown(table) if len(table) else 'No runs.'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
