"""Training length: what pages say and show of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from workbench import analysis, figures
from workbench.figures import show
from workbench.reports import blocks
from workbench.runs import Run


@dataclass(frozen=True)
class Lengths:
    """Runs of one engine, task and model that differ in their length.

    Attributes:
        runs: complete ones.
        table: `analysis.training_length_table` of them.
        means: `analysis.mean_by_length` of that.
    """

    runs: Sequence[Run]
    table: pd.DataFrame
    means: pd.DataFrame

    @classmethod
    def of(cls, runs: Sequence[Run], task: str = "", engine: str = "") -> "Lengths | None":
        """Those of the runs whose lengths compare (`analysis.series`); None where there is no run."""
        if not (chosen := analysis.series(runs, task, engine)):
            return None
        table = analysis.training_length_table(chosen)
        return cls(chosen, table, analysis.mean_by_length(table))

    def show_subject(self) -> None:
        """What was trained, and what to know before believing it."""
        blocks.say(*what_was_trained(self.runs, self.table))
        blocks.say(*cautions(self.runs, self.table), kind="warning")

    def show_metric(self) -> None:
        """The metric against the length, and the best length of each sparsity."""
        metric = self.runs[0].results["metrics"][0]
        show(figures.metric_by_length(self.table, self.means, metric), "metric")
        blocks.say(*best_lengths(self.means), kind="result")

    def show_diagnostics(self) -> None:
        """Losses and entropies against the length, where runs know them."""
        if self.means[list(analysis.DIAGNOSTICS)].notna().any(axis=None):
            show(figures.diagnostics_by_length(self.means), "diagnostics")

    def show_figures(self) -> None:
        """Everything that was drawn, as tables: means over seeds, then every run."""
        blocks.table(self.means.drop(columns="best"))
        blocks.table(self.table.drop(columns="optimizer_steps"))


def what_was_trained(runs: Sequence[Run], table: pd.DataFrame) -> list[str]:
    """Engine, task and the grid of lengths and sparsities."""
    results = runs[0].results
    lengths = sorted(table["optimizer_steps"].unique())
    sparsities = ", ".join(f"{100 * sparsity:g} %" for sparsity in sorted(table["sparsity"].unique()))
    return [
        f"{len(runs)} runs of the engine {results['engine']} on {results['task']}, model {results['model']}, "
        f"{results['examples']['train']:,} training examples: sparsities {sparsities}, {lengths[0]:,} to "
        f"{lengths[-1]:,} optimizer steps."
    ]


def cautions(runs: Sequence[Run], table: pd.DataFrame) -> list[str]:
    """What a reader should know before believing the curves; none where there is nothing to say."""
    found = []
    if (seeds := table["seed"].nunique()) == 1:
        found.append("One seed: a difference between lengths may be the noise of a seed.")
    elif len(table) < seeds * len(table.drop_duplicates(["sparsity", "optimizer_steps"])):
        found.append("Not every length and sparsity has every seed, so some means are of fewer runs.")
    if any(run.results["selection"] == "dev" for run in runs):
        found.append("Some runs selected on the dev split that is also reported.")
    if table["optimizer_steps"].nunique() == 1:
        found.append("All runs have one length; there is nothing to compare.")
    return found


def best_lengths(means: pd.DataFrame) -> list[str]:
    """The best length of each sparsity, and whether it is the longest that was tried."""
    sentences = []
    for sparsity, curve in means.groupby("sparsity"):
        best = curve[curve["best"]].iloc[0]
        steps, longest = int(best["optimizer_steps"]), curve["optimizer_steps"].max()
        end = ", the longest that was tried" if steps == longest and len(curve) > 1 else ""
        sentences.append(
            f"At {100 * sparsity:g} % removed the best of {len(curve)} lengths is {best['epochs']:.3g} "
            f"epochs ({steps:,} steps){end}: {best['metric']:.4f}."
        )
    return sentences
