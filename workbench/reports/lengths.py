"""The sentences of the report on training length."""

from collections.abc import Sequence

import pandas as pd

from workbench.runs import Run


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
