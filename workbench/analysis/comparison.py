"""Tables of any set of runs: what each run scored, what engines score on average, and at what cost."""

import json
from collections import defaultdict
from collections.abc import Sequence
from math import sqrt

import pandas as pd
import scipy

from workbench.analysis.ground import ground_table
from workbench.errors import BadInput, unknown
from workbench.runs import Run
from workbench.settings import flat

CONDITION = ["task", "model", "sparsity"]
_COLUMNS = [
    "run",
    *CONDITION,
    "engine",
    "seed",
    "metric",
    "dev",
    "validation",
    "dense",
    "selection",
    "optimizer_steps",
    "examples",
    "tflop",
    "seconds",
]
_STEPS = ["optimizer_steps", "dense_steps", "from_pretrained"]
# Values of a spec that have columns of their own, so labels need not repeat them.
_IN_COLUMNS = ("task", "model", "seed", "engine.id", "engine.sparsity")


def comparison_table(runs: Sequence[Run], metric: str = "") -> pd.DataFrame:
    """One row for each run, sorted by task, model, sparsity, engine and seed.

    Args:
        runs: complete runs.
        metric: its name; empty for each task's primary one. Runs of tasks without it are left out.

    Returns:
        run (folder name), task, model, sparsity (the target), engine (`engine_labels`), seed, metric, dev
        (value on the first dev split), validation, dense (the dense model's value on dev), selection, and
        the cost without the shared dense model: optimizer_steps, examples, tflop and seconds; and, of
        `ground_table`, dense_steps, from_pretrained and recovery.

    Raises:
        BadInput: no run has that metric, or a run is given twice.
    """
    names = [run.name for run in runs]
    if twice := sorted(name for name in set(names) if names.count(name) > 1):
        raise BadInput(f"run {twice[0]} is given twice, perhaps from two stores. Give each run once.")
    labels = engine_labels(runs)
    rows = [_row(run, label, metric) for run, label in zip(runs, labels, strict=True)]
    if runs and not any(rows):
        raise unknown(
            "metric of these runs", metric, {name for run in runs for name in run.results["metrics"]}
        )
    table = pd.DataFrame([row for row in rows if row], columns=_COLUMNS)
    table = table.merge(ground_table(runs)[["run", *_STEPS[1:], "recovery"]], on="run")
    return table.sort_values([*CONDITION, "engine", "seed"], kind="stable", ignore_index=True)


def engine_labels(runs: Sequence[Run]) -> list[str]:
    """A name for the engine of each run, such as "imp" or "imp, rewind=true".

    It is the engine's id with the settings that are not defaults and that differ between runs of this engine
    on the same task and model at the same sparsity. Settings that differ only between tasks, such as a
    matched number of steps, do not distinguish anything and are left out.
    """
    settings = [_settings(run) for run in runs]
    names = {name for values in settings for name in values}
    seen: dict[tuple, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for run, values in zip(runs, settings, strict=True):
        group = seen[_group(run)]
        for name in names:
            group[name].add(values.get(name, ""))
    distinctive = defaultdict(set)
    for (engine, *_), by_name in seen.items():
        distinctive[engine] |= {name for name, values in by_name.items() if len(values) > 1}
    return [
        ", ".join(
            [engine, *(f"{name}={value}" for name, value in values.items() if name in distinctive[engine])]
        )
        for engine, values in zip((run.spec.engine.id for run in runs), settings, strict=True)
    ]


def by_task(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each task and model, with a title: the task, and the model if there are several."""
    models = table.groupby("task")["model"].nunique()
    return [
        (task if models[task] == 1 else f"{task}, {model}", rows)
        for (task, model), rows in table.groupby(["task", "model"], sort=False)
    ]


def at_highest_sparsity(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of one task and model at the highest sparsity among those that the most engines have."""
    engines = rows.groupby("sparsity")["engine"].nunique()
    return rows[rows["sparsity"] == engines[engines == engines.max()].index.max()]


def summary_table(table: pd.DataFrame) -> pd.DataFrame:
    """Mean, spread and interval over seeds.

    Args:
        table: `comparison_table`.

    Returns:
        one row for each task, model, sparsity and engine: seeds (how many), mean, least and most (over the
        seeds), low and high (95 % interval of the mean by Student's t; NaN for one seed), dense (mean dev
        value of the dense models), and the means of optimizer_steps, dense_steps, from_pretrained and
        recovery.
    """
    rows = []
    for condition, group in table.groupby([*CONDITION, "engine", "metric"], sort=False):
        low, high = _interval(group["dev"])
        rows.append(
            dict(zip([*CONDITION, "engine", "metric"], condition, strict=True))
            | {"seeds": len(group), "mean": group["dev"].mean(), "low": low, "high": high}
            | {"least": group["dev"].min(), "most": group["dev"].max(), "dense": group["dense"].mean()}
            | {name: round(group[name].mean()) for name in _STEPS}
            | {"recovery": group["recovery"].mean()}
        )
    return pd.DataFrame(rows)


def _row(run: Run, label: str, metric: str) -> dict | None:
    results, spec = run.results, run.spec
    split, scores = next(iter(results["dev"].items()))
    name = metric or next(iter(scores))
    if name not in scores:
        return None
    cost = results["cost"]["total"]
    return {
        "run": run.name,
        "task": spec.task,
        "model": spec.model,
        "sparsity": spec.engine.sparsity,
        "engine": label,
        "seed": spec.seed,
        "metric": name,
        "dev": scores[name],
        "validation": results["validation"][name],
        "dense": results["dense"]["dev"][split][name],
        "selection": spec.selection,
        "optimizer_steps": cost["optimizer_steps"],
        "examples": cost["examples"],
        "tflop": cost["flops"] / 1e12,
        "seconds": cost["seconds"],
    }


def _group(run: Run) -> tuple:
    spec = run.spec
    return spec.engine.id, spec.task, spec.model, spec.engine.sparsity


def _settings(run: Run) -> dict[str, str]:
    """The values that are not defaults, as text by name; the engine's settings by their bare names."""
    return {
        name.removeprefix("engine."): value if isinstance(value, str) else json.dumps(value)
        for name, value in flat(run.spec.changed).items()
        if name not in _IN_COLUMNS
    }


def _interval(values: pd.Series) -> tuple[float, float]:
    count = len(values)
    if count < 2:
        return float("nan"), float("nan")
    reach = scipy.special.stdtrit(count - 1, 0.975) * values.std(ddof=1) / sqrt(count)
    return values.mean() - reach, values.mean() + reach
