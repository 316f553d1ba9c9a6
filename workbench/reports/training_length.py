"""Training length, in words, tables and figures."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from workbench import figures
from workbench.analysis import training_length
from workbench.figures import show
from workbench.reports import blocks
from workbench.runs import Run


@dataclass(frozen=True)
class TrainingLengths:
    """Runs of one engine, task and model that differ in their training length.

    Attributes:
        runs: complete runs.
        table: `training_length_table` of them.
        means: `mean_by_length` of that.
        others: the number of runs of this engine, task and model that differ in other settings.
    """

    runs: Sequence[Run]
    table: pd.DataFrame
    means: pd.DataFrame
    others: int

    @classmethod
    def of(cls, runs: Sequence[Run], task: str = "", engine: str = "") -> "TrainingLengths | None":
        """Those of the runs whose lengths can be compared (`comparable_runs`); None if there are no runs."""
        if not (chosen := training_length.comparable_runs(runs, task, engine)):
            return None
        table = training_length.training_length_table(chosen)
        alike = [run for run in runs if _subject(run) == _subject(chosen[0])]
        return cls(chosen, table, training_length.mean_by_length(table), len(alike) - len(chosen))

    def show_subject(self) -> None:
        """What was trained, and what to know before drawing conclusions."""
        blocks.say(*what_was_trained(self.runs, self.table))
        blocks.say(*left_out(self.others), *cautions(self.runs, self.table), kind="warning")

    def show_metric(self) -> None:
        """The metric against the length, and the best length of each sparsity."""
        metric = self.runs[0].results["metrics"][0]
        show(figures.training_length.metric_by_length(self.table, self.means, metric), "metric")
        blocks.say(*best_lengths(self.means), kind="result")

    def show_diagnostics(self) -> None:
        """Losses and entropies against the length, if the runs recorded them."""
        if self.means[list(training_length.DIAGNOSTICS)].notna().any(axis=None):
            show(figures.training_length.diagnostics_by_length(self.means), "diagnostics")

    def show_figures(self) -> None:
        """All values in the figures, as tables: means over seeds, then every run."""
        blocks.table(self.means.drop(columns="best"))
        blocks.table(self.table.drop(columns="optimizer_steps"))


def what_was_trained(runs: Sequence[Run], table: pd.DataFrame) -> list[str]:
    """Engine, task, and the grid of lengths and sparsities."""
    results = runs[0].results
    lengths = sorted(table["optimizer_steps"].unique())
    sparsities = ", ".join(f"{100 * sparsity:g} %" for sparsity in sorted(table["sparsity"].unique()))
    runs_of = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
    return [
        f"{runs_of} of the engine {results['engine']} on {results['task']}, model {results['model']}, "
        f"{results['examples']['train']:,} training examples: sparsities {sparsities}, {lengths[0]:,} to "
        f"{lengths[-1]:,} optimizer steps."
    ]


def left_out(others: int) -> list[str]:
    """That there are runs with other settings; nothing if there are none."""
    if not others:
        return []
    which = "1 other run" if others == 1 else f"{others} other runs"
    return [f"Left out: {which} of this engine, task and model, in which other settings differ as well."]


def cautions(runs: Sequence[Run], table: pd.DataFrame) -> list[str]:
    """What to know before drawing conclusions from the curves."""
    sentences = []
    if (seeds := table["seed"].nunique()) == 1:
        sentences.append("There is one seed: a difference between lengths may be seed noise.")
    elif len(table) < seeds * len(table.drop_duplicates(["sparsity", "optimizer_steps"])):
        sentences.append("Some lengths and sparsities lack seeds, so some means are over fewer runs.")
    if any(run.results["selection"] == "dev" for run in runs):
        sentences.append("Some runs used the dev split that is reported here for selection.")
    if table["optimizer_steps"].nunique() == 1:
        sentences.append("All runs have the same length; there is nothing to compare.")
    return sentences


def _subject(run: Run) -> list[str]:
    return [run.results[name] for name in ("task", "engine", "model")]


def best_lengths(means: pd.DataFrame) -> list[str]:
    """The best length of each sparsity, and whether it is the longest that was tried."""
    sentences = []
    for sparsity, curve in means.groupby("sparsity"):
        best = curve[curve["best"]].iloc[0]
        steps, longest = int(best["optimizer_steps"]), curve["optimizer_steps"].max()
        end = ", the longest that was tried" if steps == longest and len(curve) > 1 else ""
        of = f"best of {len(curve)} lengths" if len(curve) > 1 else "only length"
        sentences.append(
            f"With {100 * sparsity:g} % removed, the {of} is {best['epochs']:.3g} epochs "
            f"({steps:,} steps){end}: {best['metric']:.4f}."
        )
    return sentences
