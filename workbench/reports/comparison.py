"""A comparison of runs in words and tables for reading."""

import pandas as pd

from workbench.analysis.pairs import EQUAL_STEPS, RESAMPLES

_SCORES = ["engine", "sparsity", "seeds", "mean", "95 % interval", "every seed", "optimizer steps"]


def what_was_compared(table: pd.DataFrame) -> list[str]:
    """Subject, engines and seeds of a comparison, a paragraph each."""
    tasks, models = list(table["task"].unique()), list(table["model"].unique())
    sparsities = ", ".join(_percent(table["sparsity"].sort_values().drop_duplicates()))
    seeds = sorted(table["seed"].unique())
    named = ", ".join(map(str, seeds))
    told = f"Seed {named}: this is one seed" if len(seeds) == 1 else f"{len(seeds)} seeds: {named}"
    return [
        f"{len(table)} runs on {', '.join(tasks)}, from {', '.join(models)}, at sparsity {sparsities}.",
        f"Engines: {'; '.join(table['engine'].unique())}. Settings stand where they tell entries apart.",
        f"{told}. Not every engine need have every seed or sparsity; the tables say who has which.",
    ]


def cautions(table: pd.DataFrame) -> list[str]:
    """What to know before comparing."""
    told = []
    if on_dev := (table["selection"] == "dev").sum():
        told.append(
            f"{on_dev} of the runs selected on the dev split that is reported here "
            "(selection: dev). Their scores are optimistic and do not compare with the others'."
        )
    single = table.groupby(["task", "model", "sparsity", "engine"])["seed"].nunique().eq(1)
    if single.any():
        told.append(
            f"{single.sum()} of {len(single)} entries have one seed. How much another seed would differ, "
            "they cannot say."
        )
    return told


def scores(table: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Every seed, mean and interval of one task and model, a row for each engine and sparsity."""
    seeds = table.groupby(["engine", "sparsity"])["dev"].agg(lambda dev: ", ".join(f"{v:.3f}" for v in dev))
    rows = [
        (
            row.engine,
            f"{100 * row.sparsity:g} %",
            row.seeds,
            f"{row.mean:.3f}",
            _interval(row.low, row.high, ".3f") if row.seeds > 1 else "one seed",
            seeds[row.engine, row.sparsity],
            row.optimizer_steps,
        )
        for row in summary.itertuples(index=False)
    ]
    return pd.DataFrame(rows, columns=_SCORES)


def costs(table: pd.DataFrame) -> pd.DataFrame:
    """What engines took and left on one task and model, for reading."""
    # Examples follow from the steps, and all that remains fits a page.
    wide = table.drop(columns=["task", "model", "examples"]).assign(sparsity=_percent(table["sparsity"]))
    return wide[["engine", *wide.columns.drop("engine")]].dropna(axis="columns", how="all")


def differences(pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs of one task and model for reading, the best of each sparsity first."""
    pairs = pairs.sort_values(["sparsity", "difference"], ascending=[True, False], kind="stable")
    ends = zip(pairs["low"], pairs["high"], strict=True)
    return pd.DataFrame(
        {
            "engine": pairs["engine"],
            "sparsity": _percent(pairs["sparsity"]),
            "seeds": pairs["seeds"],
            "difference": [f"{value:+.3f}" for value in pairs["difference"]],
            "95 % interval": [_interval(low, high) for low, high in ends],
            "drawn": pairs["drawn"],
            "optimizer steps": pairs["steps"],
        }
    )


def how_paired(pairs: pd.DataFrame, baseline: str) -> list[str]:
    """What the differences are, which were left out, and how many of them chance may make look real."""
    fair = pairs[pairs["equal_steps"]]
    if pairs.empty:
        return [f"No engine shares a task, sparsity and seed with {baseline}: there is nothing to pair."]
    told = []
    if len(fair):
        intervals, clear = fair["low"].notna().sum(), ((fair["low"] > 0) | (fair["high"] < 0)).sum()
        told += [
            f"Each engine minus {baseline}, at the same task, model, sparsity, seeds and dev examples, and "
            f"at optimizer steps within {100 * EQUAL_STEPS:g} %.",
            f"An interval holds the middle 95 % of {RESAMPLES:,} bootstrap draws; the column drawn says of "
            "what. Where two or three seeds are drawn it is too narrow.",
            f"{clear} of {intervals} intervals leave out zero; chance alone would make about "
            f"{0.05 * intervals:.1f} of them do so.",
        ]
    if len(fair) < len(pairs):
        unfair = pairs[~pairs["equal_steps"]]
        named = "; ".join(
            f"{engine} ({', '.join(f'{steps:,}' for steps in sorted(rows['steps'].unique()))} steps)"
            for engine, rows in unfair.groupby("engine", sort=False)
        )
        told.append(
            f"Left out, because {baseline} took another number of optimizer steps "
            f"({', '.join(f'{steps:,}' for steps in sorted(unfair['baseline_steps'].unique()))}): {named}. "
            "In a grid, match_steps_of makes them equal."
        )
    return told


def chance_overlap(sparsity: float) -> str:
    """What Jaccard index to expect of masks that have nothing to do with each other."""
    kept = 1 - sparsity
    return (
        f"At sparsity {100 * sparsity:g} %, two masks drawn independently and evenly would overlap by "
        f"{kept / (2 - kept):.3f}. Each figure is a mean over the seeds that both engines have."
    )


def _percent(shares: pd.Series) -> list[str]:
    return [f"{100 * share:g} %" for share in shares]


def _interval(low: float, high: float, digits: str = "+.3f") -> str:
    # No line of a table should end within it.
    return "none" if pd.isna(low) else f"{low:{digits}}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{high:{digits}}"
