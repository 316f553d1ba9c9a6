"""A comparison of engines, in words, tables and figures."""

from collections.abc import Sequence

import pandas as pd

from workbench import analysis, figures
from workbench.figures import show
from workbench.reports import blocks
from workbench.reports.prose import published_note
from workbench.runs import Run

_SCORES = ["engine", "sparsity", "seeds", "mean", "95 % interval", "every seed"]
_STEPS = ["dense steps", "own steps", "steps in all", "recovery"]


def show_quality(rows: pd.DataFrame, key: str) -> None:
    """Shows a metric against sparsity, and every engine's scores.

    Args:
        rows: `analysis.comparison.comparison_table` of one task and model.
        key: of the figure.
    """
    summary = analysis.comparison.summary_table(rows)
    published = analysis.published.published_for(rows["task"].iloc[0])
    show(figures.comparison.metric_by_sparsity(rows, summary, published), key)
    blocks.say(*published_note(published))
    blocks.table(score_table(rows, summary))


def show_costs(runs: Sequence[Run], rows: pd.DataFrame) -> None:
    """Shows what engines cost and leave (arguments as in `analysis.cost.cost_by_engine`)."""
    costs = analysis.cost.cost_by_engine(runs, rows)
    # Examples follow from the steps, and the other columns fit the page.
    table = costs.drop(columns=["task", "model", "examples"]).assign(
        sparsity=blocks.percentages(costs["sparsity"])
    )
    blocks.table(table[["engine", *table.columns.drop("engine")]].dropna(axis="columns", how="all"))


def show_overlap(runs: Sequence[Run], rows: pd.DataFrame, key: str) -> None:
    """Shows what final masks have in common, at the highest sparsity that most engines have."""
    rows = analysis.comparison.at_highest_sparsity(rows)
    blocks.say(chance_overlap(rows["sparsity"].iloc[0]))
    show(figures.overlap.overlap_heatmap(analysis.overlap.engine_overlap(runs, rows), "engine"), key)


def show_layers(runs: Sequence[Run], rows: pd.DataFrame, keys: tuple[str, str]) -> None:
    """Shows what final masks remove from each layer and each type of matrix, at the same sparsity.

    Args:
        runs: complete runs.
        rows: `analysis.comparison.comparison_table` of one task and model.
        keys: of the two figures.
    """
    rows = analysis.comparison.at_highest_sparsity(rows)
    shares = analysis.layers.sparsity_by_engine(runs, rows)
    show(figures.layers.engine_heatmap(shares["layer"], "layer (number)"), keys[0])
    show(figures.layers.engine_heatmap(shares["type"], "type of matrix"), keys[1])


def show_checks(runs: Sequence[Run], rows: pd.DataFrame) -> None:
    """Shows whether the settings tell masks apart (arguments as in `show_overlap`)."""
    names = set(rows["run"])
    checks = analysis.checks.checks_among([run for run in runs if run.name in names])
    blocks.say(*verdicts(checks), kind="" if len(checks) else "warning")
    if len(checks):
        blocks.table(check_table(checks))


def what_was_compared(table: pd.DataFrame) -> list[str]:
    """Tasks, models, engines and seeds of a comparison, a paragraph each."""
    tasks, models = list(table["task"].unique()), list(table["model"].unique())
    sparsities = ", ".join(blocks.percentages(table["sparsity"].sort_values().drop_duplicates()))
    seeds = sorted(table["seed"].unique())
    listed = ", ".join(map(str, seeds))
    which = f"There is one seed: {listed}" if len(seeds) == 1 else f"There are {len(seeds)} seeds: {listed}"
    return [
        f"{len(table)} runs on {', '.join(tasks)}, from {', '.join(models)}, at sparsity {sparsities}.",
        f"Engines: {'; '.join(table['engine'].unique())}. Settings are shown where they distinguish entries.",
        f"{which}. Some engines may lack some seeds or sparsities; the tables show which.",
    ]


def cautions(table: pd.DataFrame) -> list[str]:
    """What to know before comparing."""
    paragraphs = []
    if on_dev := (table["selection"] == "dev").sum():
        paragraphs.append(
            f"{on_dev} of the runs used the dev split that is reported here for selection (selection: dev). "
            "Their scores are optimistic and cannot be compared with the others."
        )
    single = table.groupby(["task", "model", "sparsity", "engine"])["seed"].nunique().eq(1)
    if single.any():
        paragraphs.append(
            f"{single.sum()} of {len(single)} entries have one seed, which cannot show how much results vary "
            "between seeds."
        )
    return paragraphs


def verdicts(checks: pd.DataFrame) -> list[str]:
    """Whether each setting tells masks apart, a sentence each, or that it was not checked.

    Args:
        checks: `analysis.checks.checks_among` runs of one task and model.
    """
    if checks.empty:
        return [
            "These runs do not show whether their setting tells masks apart, so equal scores may say nothing "
            "about masks. The check takes runs of magnitude at the same sparsity and at 0, and of random at "
            "the same sparsity, in this setup (docs/results/can-see.yaml)."
        ]
    sentences = []
    for (setting, sparsity), rows in checks.groupby(["setting", "sparsity"], sort=True):
        failed = list(rows.loc[~rows["passed"], "check"])
        verdict = f"does not: not shown that {', nor that '.join(failed)}" if failed else "does"
        where = f"sparsity {100 * sparsity:g} %{f', {setting}' if setting else ''}"
        sentences.append(f"Does this setup tell masks apart? At {where}, it {verdict}.")
    return sentences


def check_table(checks: pd.DataFrame) -> pd.DataFrame:
    """The checks of one task and model as text."""
    return pd.DataFrame(
        {
            "sparsity": blocks.percentages(checks["sparsity"]),
            "setting": checks["setting"],
            "check": checks["check"],
            "seeds": checks["seeds"],
            "difference": [f"{value:+.3f}" for value in checks["difference"]],
            "95 % interval": list(map(blocks.interval, checks["low"], checks["high"])),
            "would detect": list(map(blocks.detectable, checks["detectable"])),
            "passed": checks["passed"].map({True: "yes", False: "no"}),
        }
    ).drop(columns=[] if checks["setting"].any() else "setting")


def score_table(table: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Every seed, mean and interval of one task and model, a row for each engine and sparsity."""
    seeds = table.groupby(["engine", "sparsity"])["dev"].agg(lambda dev: ", ".join(f"{v:.3f}" for v in dev))
    rows = [
        (
            row.engine,
            f"{100 * row.sparsity:g} %",
            row.seeds,
            f"{row.mean:.3f}",
            blocks.interval(row.low, row.high, ".3f") if row.seeds > 1 else "one seed",
            seeds[row.engine, row.sparsity],
            row.dense_steps,
            row.optimizer_steps,
            row.from_pretrained,
            "unknown" if pd.isna(row.recovery) else f"{row.recovery:.0f}",
        )
        for row in summary.itertuples(index=False)
    ]
    return pd.DataFrame(rows, columns=[*_SCORES, *_STEPS])


def chance_overlap(sparsity: float) -> str:
    """The Jaccard index to expect of unrelated masks."""
    kept = 1 - sparsity
    return (
        f"At sparsity {100 * sparsity:g} %, two masks chosen independently and uniformly at random would "
        f"have a Jaccard index of {kept / (2 - kept):.3f}. Each value is a mean over the seeds that both "
        "engines have."
    )
