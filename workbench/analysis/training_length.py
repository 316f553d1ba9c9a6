"""Whether longer training pays off: runs that differ in their length.

Kuznedelev et al. (arXiv 2308.02060) find that the best training length for a dense model is too short for a
sparse one, and the more so the sparser it is.
"""

from collections.abc import Sequence

import pandas as pd

from workbench.errors import BadInput
from workbench.runs import Run
from workbench.settings import flat

DIAGNOSTICS = ("train_loss", "train_entropy", "validation_entropy")
_COLUMNS = ["run", "sparsity", "seed", "epochs", "optimizer_steps", "metric", *DIAGNOSTICS]


def comparable_runs(runs: Sequence[Run], task: str = "", engine: str = "") -> list[Run]:
    """The largest set of runs that differ in their length, sparsity and seed alone.

    Args:
        runs: complete runs.
        task: only runs of this task; empty for any.
        engine: only runs of this engine; empty for any.

    Raises:
        BadInput: no run has this task and engine.
    """
    sets: dict[tuple, list[Run]] = {}
    for run in runs:
        results = run.results
        if task in ("", results["task"]) and engine in ("", results["engine"]):
            sets.setdefault(tuple(sorted(_settings(run).items())), []).append(run)
    if runs and not sets:
        existing = sorted({f"{run.results['engine']} on {run.results['task']}" for run in runs})
        wanted = (
            f"{f'engine {engine}' if engine else 'any engine'} on {f'task {task}' if task else 'any task'}"
        )
        raise BadInput(f"there is no run of {wanted}. Choose from: {', '.join(existing)}.")
    return max(sets.values(), key=len, default=[])


def training_length_table(runs: Sequence[Run]) -> pd.DataFrame:
    """The results of training for different lengths.

    Args:
        runs: complete runs that differ in their length, sparsity and seed alone.

    Returns:
        one row for each run: run, sparsity (the target), seed, epochs (passes over the training split in
        total, with races and without the shared dense model), optimizer_steps, metric (the primary one on the
        first dev split), and the training loss and the entropies, in nats, of the weights that the run kept
        (`training.diagnostics`), missing where they are not defined.

    Raises:
        BadInput: no runs, or runs that differ in more.
    """
    if not runs:
        raise BadInput("there are no runs to compare. A grid whose engines differ in total_steps makes some.")
    settings = [_settings(run) for run in runs]
    for name in dict.fromkeys(name for each in settings for name in each):
        if len(values := sorted({each.get(name, "the default") for each in settings})) > 1:
            raise BadInput(
                f"the runs have different values of {name} ({', '.join(values)}), and training lengths can "
                "be compared for one only. Name only the runs of one of them."
            )
    return pd.DataFrame([_row(run) for run in runs], columns=_COLUMNS).sort_values(
        ["sparsity", "optimizer_steps", "seed"], ignore_index=True
    )


def mean_by_length(table: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds.

    Args:
        table: the result of `training_length_table`.

    Returns:
        one row for each sparsity and length: sparsity, optimizer_steps, seeds (how many), epochs, metric, the
        diagnostics, and best, which marks the length with the highest mean metric at each sparsity (the
        shortest, if several are equal).
    """
    lengths = table.groupby(["sparsity", "optimizer_steps"], as_index=False)
    means = lengths[["epochs", "metric", *DIAGNOSTICS]].mean()
    means.insert(2, "seeds", lengths["seed"].nunique()["seed"])
    means["best"] = means.index.isin(means.groupby("sparsity")["metric"].idxmax())
    return means


def _settings(run: Run) -> dict[str, str]:
    """What must be equal for lengths to be comparable: all values of the spec that are not defaults."""
    of_length = ("engine.sparsity", "engine.total_steps", "engine.epochs", "scale", "seed")
    # A task's id covers its rows, wherever they lie.
    changed = {name: value for name, value in run.spec.changed.items() if name != "data"}
    return {name: str(value) for name, value in flat(changed).items() if name not in of_length}


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
        # Of the training alone: some engines also count the examples of their measurements.
        "epochs": cost["optimizer_steps"] / -(-results["examples"]["train"] // run.spec.engine.batch_size),
        "optimizer_steps": cost["optimizer_steps"],
        "metric": next(iter(split.values())),
        **{name: kept[-1].get(name) if kept else None for name in DIAGNOSTICS},
    }
