"""The tables of compare.md: the complete runs of a grid in a store, each entry compared to a baseline.

"Dense" steps are those of the dense model if an entry continues from it, else 0; "steps" are those of the run
itself. "Recovery" is what followed the last change of the mask, in steps at peak rate. "Would detect" is the
smallest difference to the baseline that this design would have seen (`workbench.analysis.resolution`).
Entries whose steps in all differ from the baseline's by more than 1 % are not compared to it.

Usage: .venv/bin/python docs/results/compare.py GRID.yaml STORE [BASELINE]
"""

import sys

import pandas as pd
from grid_runs import grid_runs

from workbench import Run
from workbench.analysis.comparison import comparison_table
from workbench.analysis.differences import baseline_of, paired_differences
from workbench.analysis.levels import particle_table


def scores(table: pd.DataFrame, pairs: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """One row per entry and sparsity: dev of every seed, means, the gain over the baseline, and the cost."""
    entries = table.groupby(["sparsity", "engine"], sort=False)
    rows = entries["dev"].agg(
        **{
            "dev, every seed": lambda dev: ", ".join(f"{value:.3f}" for value in dev),
            "mean": lambda dev: f"{dev.mean():.3f}",
        }
    )
    rows["validation"] = entries["validation"].mean().map("{:.3f}".format)
    fair = pairs[pairs["equal_steps"]].set_index(["sparsity", "engine"])
    rows[f"dev - {baseline}, 95 %"] = [_gain(fair, place) for place in rows.index]
    seen = fair["detectable"].reindex(rows.index)
    rows["would detect"] = ["" if pd.isna(value) else f"{value:.3f}" for value in seen]
    rows["dense"] = entries["dense_steps"].first()
    rows["steps"] = entries["optimizer_steps"].first()
    rows["in all"] = entries["from_pretrained"].first()
    recovery = entries["recovery"].mean()
    rows["recovery"] = ["" if pd.isna(value) else f"{value:.0f}" for value in recovery]
    rows["examples"] = entries["examples"].first()
    rows = rows.reset_index().sort_values(["sparsity", "mean"], ascending=[False, False])
    return rows.loc[:, (rows != "").any()].rename(columns={"engine": "entry"})


def _gain(fair: pd.DataFrame, place: tuple[float, str]) -> str:
    if place not in fair.index:
        return ""
    difference, low, high = fair.loc[place, ["difference", "low", "high"]]
    return f"{difference:+.3f} ({low:+.3f} to {high:+.3f})"


def gains(runs: list[Run], entries: dict[str, str]) -> pd.DataFrame:
    """The gain of averages over their mean particle on validation, for levels with sparsity 0.8 and above."""
    table = pd.concat(
        particle_table(run).assign(task=run.spec.task, entry=entries[run.name], seed=run.spec.seed)
        for run in runs
    ).query("sparsity >= 0.8")
    gain = (table["average"] - table["value"]).groupby([table["task"], table["entry"], table["seed"]]).mean()
    rows = gain.groupby(["task", "entry"]).agg(
        **{
            "average - mean particle, every seed": lambda seeds: ", ".join(f"{one:+.4f}" for one in seeds),
            "mean": lambda seeds: f"{seeds.mean():+.4f}",
        }
    )
    return rows.reset_index()


def markdown(table: pd.DataFrame) -> str:
    """A table as Markdown."""
    lines = [list(table.columns), ["---"] * len(table.columns), *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    grid, store, *wanted = sys.argv[1:]
    runs, entries, wanted_runs = grid_runs(grid, store)
    table = comparison_table(runs).assign(engine=lambda rows: rows["run"].map(entries))
    baseline = baseline_of(table, *wanted)
    pairs = paired_differences(runs, table, baseline)
    print(f"{len(runs)} of {wanted_runs} runs are complete.")
    for task, rows in table.groupby("task", sort=False):
        dense = rows.groupby("seed")["dense"].first()
        print(f"\n{task}, {rows['metric'].iloc[0]}; dense: {', '.join(f'{value:.3f}' for value in dense)}\n")
        print(markdown(scores(rows, pairs[pairs["task"] == task], baseline)))
    if len(particles := gains(runs, entries)):
        print(f"\n{markdown(particles)}")
