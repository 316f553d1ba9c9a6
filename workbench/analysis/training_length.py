"""Whether longer training pays: runs that differ in their length, side by side.

Kuznedelev et al. (arXiv 2308.02060) find that the length that serves a dense model best is too short for a
sparse one, and the sparser the more so.
"""

from collections.abc import Sequence

import pandas as pd

from workbench.errors import BadInput
from workbench.runs import Run

DIAGNOSTICS = ("train_loss", "train_entropy", "validation_entropy")
COLUMNS = ["run", "sparsity", "seed", "epochs", "optimizer_steps", "metric", *DIAGNOSTICS]


def series(runs: Sequence[Run], task: str = "", engine: str = "") -> list[Run]:
    """Those runs whose lengths compare: of one task, engine and model, the set with the most runs.

    Args:
        runs: complete runs.
        task: only this task's; empty for any.
        engine: only this engine's; empty for any.

    Raises:
        BadInput: `task` or `engine` is that of no run.
    """
    sets: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        found = tuple(run.results[name] for name in ("task", "engine", "model"))
        if task in ("", found[0]) and engine in ("", found[1]):
            sets.setdefault(found, []).append(run)
    if runs and not sets:
        there = sorted({f"{run.results['engine']} on {run.results['task']}" for run in runs})
        raise BadInput(
            f"no run of engine {engine or 'any'} on task {task or 'any'}; there is {', '.join(there)}"
        )
    return max(sets.values(), key=len, default=[])


def training_length_table(runs: Sequence[Run]) -> pd.DataFrame:
    """What training lengths lead to.

    Args:
        runs: complete runs of one task, engine and model, of different lengths and sparsities.

    Returns:
        one row a run: run, sparsity (asked for), seed, epochs (passes over train in all, races included, the
        shared dense model apart), optimizer_steps, metric (the primary one on the first dev split), and of
        the weights that were kept the training loss and the entropies, in nats (`runs.diagnostics`),
        missing where they are not defined.

    Raises:
        BadInput: no run, or runs of different tasks, engines or models.
    """
    if not runs:
        raise BadInput("no runs to compare; a grid whose engines differ in total_steps makes some")
    for name in ("task", "engine", "model"):
        if len(found := sorted({run.results[name] for run in runs})) > 1:
            raise BadInput(
                f"the runs have different values of {name} ({', '.join(found)}); training lengths are "
                "compared for one at a time. Name only the runs of one."
            )
    return pd.DataFrame([_row(run) for run in runs], columns=COLUMNS).sort_values(
        ["sparsity", "optimizer_steps", "seed"], ignore_index=True
    )


def mean_by_length(table: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds.

    Args:
        table: of `training_length_table`.

    Returns:
        one row a sparsity and length: sparsity, optimizer_steps, seeds (how many), epochs, metric, the
        diagnostics, and best, which marks the length with the highest mean metric of each sparsity, the
        shortest of equals.
    """
    lengths = table.groupby(["sparsity", "optimizer_steps"], as_index=False)
    means = lengths[["epochs", "metric", *DIAGNOSTICS]].mean()
    means.insert(2, "seeds", lengths["seed"].nunique()["seed"])
    means["best"] = means.index.isin(means.groupby("sparsity")["metric"].idxmax())
    return means


def _row(run: Run) -> dict:
    results = run.results
    cost, last = results["cost"]["total"], results["levels"][-1]
    split = next(iter(results["dev"].values()))
    kept = [
        event
        for event in run.events()
        if (event["stage"], event["event"], event["step"]) == (last["stage"], "evaluation", last["best_step"])
    ]
    return {
        "run": run.name,
        "sparsity": run.spec.engine.sparsity,
        "seed": results["seed"],
        "epochs": cost["examples"] / results["examples"]["train"],
        "optimizer_steps": cost["optimizer_steps"],
        "metric": next(iter(split.values())),
        **{name: kept[-1].get(name) if kept else None for name in DIAGNOSTICS},
    }
