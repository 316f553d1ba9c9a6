"""Tables of any set of runs: what each scored, what engines score on average, and what that took."""

from collections.abc import Sequence
from math import sqrt

import pandas as pd
from scipy import stats

from workbench.analysis.labels import engine_labels
from workbench.errors import unknown
from workbench.runs import Run

PLACE = ["task", "model", "sparsity"]
_COLUMNS = [
    "run",
    *PLACE,
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


def comparison_table(runs: Sequence[Run], metric: str = "") -> pd.DataFrame:
    """One row a run, in the order of the runs within a place.

    Args:
        runs: complete ones.
        metric: its name; empty for each task's first. Runs of tasks that lack it are left out.

    Returns:
        run (folder name), task, model, sparsity (asked for), engine (`engine_labels`), seed, metric, dev (its
        value on the first dev split), validation, dense (dev value of the dense model), selection, and of the
        cost optimizer_steps, examples, tflop and seconds, the shared dense model apart.

    Raises:
        BadInput: no run has that metric.
    """
    labels = engine_labels(runs)
    rows = [_row(run, label, metric) for run, label in zip(runs, labels, strict=True)]
    if runs and not any(rows):
        raise unknown(
            "metric of these runs", metric, {name for run in runs for name in run.results["metrics"]}
        )
    table = pd.DataFrame([row for row in rows if row], columns=_COLUMNS)
    return table.sort_values([*PLACE, "engine", "seed"], kind="stable", ignore_index=True)


def by_task(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of a comparison by task and model: what to call the two, and the rows."""
    models = table.groupby("task")["model"].nunique()
    return [
        (task if models[task] == 1 else f"{task}, {model}", rows)
        for (task, model), rows in table.groupby(["task", "model"], sort=False)
    ]


def hardest(rows: pd.DataFrame) -> pd.DataFrame:
    """Of the rows of one task and model, those at the highest sparsity that most engines reached."""
    engines = rows.groupby("sparsity")["engine"].nunique()
    return rows[rows["sparsity"] == engines[engines == engines.max()].index.max()]


def summary_table(table: pd.DataFrame) -> pd.DataFrame:
    """Mean, spread and interval over seeds.

    Args:
        table: `comparison_table`.

    Returns:
        one row for each task, model, sparsity and engine: seeds (how many), mean, least and most of them, low
        and high (95 % interval of the mean by Student's t; NaN for one seed), dense (mean dev value of the
        dense models) and optimizer_steps (mean).
    """
    rows = []
    for place, group in table.groupby([*PLACE, "engine", "metric"], sort=False):
        low, high = _interval(group["dev"])
        rows.append(
            dict(zip([*PLACE, "engine", "metric"], place, strict=True))
            | {"seeds": len(group), "mean": group["dev"].mean(), "low": low, "high": high}
            | {"least": group["dev"].min(), "most": group["dev"].max(), "dense": group["dense"].mean()}
            | {"optimizer_steps": round(group["optimizer_steps"].mean())}
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


def _interval(values: pd.Series) -> tuple[float, float]:
    count = len(values)
    if count < 2:
        return float("nan"), float("nan")
    reach = stats.t.ppf(0.975, count - 1) * values.std(ddof=1) / sqrt(count)
    return values.mean() - reach, values.mean() + reach
