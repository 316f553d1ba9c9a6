"""The tables that answer the questions of selection.md, from the complete runs of a grid file in a store.

Entries of the engine `randomized` with another sampler than "magnitude" are the ones in question; those
with `full_scores` are also the pools of the first two questions. "Outside" is the share of the kept weights
outside the magnitude mask, as a mean over sampled masks. Intervals are 95 %.

Usage: .venv/bin/python docs/results/selection.py GRID.yaml STORE
"""

import sys
from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
from can_see import verdicts
from compare import markdown
from grid_runs import grid_runs

from workbench import Run
from workbench.analysis.checks import checks_among
from workbench.analysis.comparison import CONDITION, comparison_table
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

_SHOWN = ["task", "sparsity", "outside", "entry"]


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
    """Question 3: gains over the control's mean, on the split used for selection."""
    table = gain_table(pools)
    rows = _places(table)
    rows["over"] = table["over_control"].map({True: "control", False: "pool"})
    rows["rule"], rows["pools"] = table["rule"], table["pools"]
    rows["gain"] = _cells(table, "gain", "+.4f")
    rows["would detect"] = _numbers(table["detectable"], ".4f")
    return rows


def differences(runs: Sequence[Run], entries: dict[str, str]) -> pd.DataFrame:
    """Question 3: dev of each entry in question minus that of each other entry, at equal seeds.

    Steps are optimizer steps from the pretrained encoder, as means; those of the whole pool add the full
    trainings of all candidates.

    Returns:
        one row for each pair: task, model, sparsity, entry, minus, difference (a `Difference`), steps,
        pool_steps and minus_steps.
    """
    by_name = {run.name: run for run in runs}
    table = comparison_table(runs).assign(entry=lambda rows: rows["run"].map(entries))
    scores = cache(lambda name: scores_of([by_name[name]]))
    rows = []
    for condition, part in table.groupby(CONDITION, sort=False):
        by_entry = {name: rows.set_index("seed") for name, rows in part.groupby("entry", sort=False)}
        asked = [name for name, rows in by_entry.items() if _in_question(by_name[rows["run"].iloc[0]])]
        for name in asked:
            for other in [other for other in by_entry if other not in asked]:
                seeds = by_entry[name].index.intersection(by_entry[other].index)
                if len(seeds):
                    first, second = by_entry[name].loc[seeds], by_entry[other].loc[seeds]
                    pair = [_stacked([scores(run) for run in rows["run"]]) for rows in (first, second)]
                    steps, minus = (rows["from_pretrained"].mean() for rows in (first, second))
                    full = np.mean([_full_steps(by_name[run]) for run in first["run"]])
                    found = Difference.between(*pair)
                    rows.append((*condition, name, other, found, steps, steps + full, minus))
    columns = [*CONDITION, "entry", "minus", "difference", "steps", "pool_steps", "minus_steps"]
    return pd.DataFrame(rows, columns=columns)


def difference_text(table: pd.DataFrame) -> pd.DataFrame:
    """`differences` as text."""
    rows = table[["task", "sparsity", "entry", "minus"]].copy()
    rows["seeds"] = [one.seeds for one in table["difference"]]
    rows["difference on dev"] = [_difference(one) for one in table["difference"]]
    rows["would detect"] = _numbers([one.detectable for one in table["difference"]], ".4f")
    for name in ("steps", "pool_steps", "minus_steps"):
        rows[name.replace("minus_steps", "steps of the other").replace("_", " ")] = _numbers(
            table[name], ".0f"
        )
    return rows


def summary(pools: Sequence[MatchedPool], pairs: pd.DataFrame, entries: dict[str, str]) -> pd.DataFrame:
    """Question 4: the answers by sparsity and distance, a row for each pool."""
    rows = []
    for pool in pools:
        shares, gains = share_table([pool]), gain_table([pool]).set_index("rule")
        found = predicts_from(correlation_table([pool])).set_index("kind")
        row = {"share of masks": " / ".join(filter(None, _cells(shares, "share", ".2f")))}
        row |= dict(zip("early " + found.index, _cells(found, "rho", ".2f"), strict=True))
        row |= dict(zip(gains.index, _cells(gains, "gain", "+.4f"), strict=True))
        rows.append(row | {"dev - control": _minus_control(pool, pairs, entries)})
    places = pd.DataFrame([pool.place for pool in pools], columns=PLACE)
    return _places(places).join(pd.DataFrame(rows).fillna(""))


def _minus_control(pool: MatchedPool, pairs: pd.DataFrame, entries: dict[str, str]) -> str:
    if not pool.control:
        return ""
    here = pairs[(pairs[[*CONDITION, "entry"]] == [*pool.place[:4]]).all(axis=1)]
    found = here.loc[here["minus"] == entries[pool.control[0].name], "difference"]
    return _difference(found.iloc[0]) if len(found) else ""


def _in_question(run: Run) -> bool:
    engine = run.spec.engine
    return engine.id == "randomized" and engine.sampler != "magnitude"


def _full_steps(run: Run) -> int:
    return run.results["cost"].get("full", {}).get("optimizer_steps", 0)


def _stacked(scores: Sequence[Scores]) -> Scores:
    known = all(one.resampled is not None for one in scores)
    resampled = np.concatenate([one.resampled for one in scores]) if known else None
    return Scores(np.concatenate([one.values for one in scores]), resampled)


def _places(table: pd.DataFrame) -> pd.DataFrame:
    outside = ["" if pd.isna(value) else f"{value:.3f}" for value in table["distance"]]
    return table.rename(columns={"engine": "entry"}).assign(outside=outside)[_SHOWN]


def _difference(found: Difference) -> str:
    interval = "" if pd.isna(found.low) else f" ({found.low:+.4f} to {found.high:+.4f})"
    return f"{found.difference:+.4f}{interval}"


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
    pairs = differences(runs, entries)
    tables = {"Does the setting tell masks apart?": verdicts(checks_among(runs))}
    if pools:
        tables |= {
            "Q1. Do masks of a pool differ beyond data order?": variances(pools),
            "Q2. Does an early score predict the final one?": predictions(pools),
            "Q3. What does choosing gain, on the split used for selection?": choices(pools),
        }
    tables["Q3. What does selecting gain on dev?"] = difference_text(pairs)
    if pools:
        tables["Q4. By sparsity and distance"] = summary(pools, pairs, entries)
    for title, table in tables.items():
        print(f"\n## {title}\n\n{markdown(table) if len(table) else 'No runs.'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
