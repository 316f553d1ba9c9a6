"""What runs there are."""

from pathlib import Path

import pandas as pd

from workbench.errors import WorkbenchError
from workbench.runs import Run, dev_name, runs_in

_TYPES = {
    "name": "str",
    "task": "str",
    "engine": "str",
    "sparsity": "Float64",
    "seed": "Int64",
    "status": "str",
    "metric": "str",
    "dev": "Float64",
    "optimizer_steps": "Int64",
}


def store_table(store: str | Path) -> pd.DataFrame:
    """The runs of a store, by name; no row where there is none.

    Returns:
        name, task, engine, sparsity (asked for), seed, status ("complete", "incomplete", or why the run
        cannot be read), metric and dev (the primary metric on the first dev split) and optimizer_steps (in
        all, the shared dense model apart). What is not known is missing.
    """
    return pd.DataFrame([_row(run) for run in runs_in(store)], columns=list(_TYPES)).astype(_TYPES)


def status(run: Run) -> str:
    """Whether a run can be looked at: "complete", "incomplete", or "unreadable: " and why."""
    return _row(run)["status"]


def newest_complete(store: str | Path) -> Run | None:
    """The run of a store that was completed last, or None."""
    done = [run for run in runs_in(store) if run.done]
    return max(done, key=lambda run: (run.path / "results.json").stat().st_mtime_ns, default=None)


def _row(run: Run) -> dict:
    row = {"name": run.name}
    try:
        spec = run.spec
        row |= {
            "task": spec.task,
            "engine": spec.engine.id,
            "sparsity": spec.engine.sparsity,
            "seed": spec.seed,
        }
        return row | (_outcome(run) if run.done else {"status": "incomplete"})
    # A damaged file may lack any key or hold any type.
    except (WorkbenchError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return row | {"status": f"unreadable: {' '.join(str(error).split())}"}


def _outcome(run: Run) -> dict:
    results = run.results
    split, metrics = next(iter(results["dev"].items()))
    metric, value = next(iter(metrics.items()))
    return {
        "status": "complete",
        "metric": f"{dev_name(split)} {metric}",
        "dev": value,
        "optimizer_steps": results["cost"]["total"]["optimizer_steps"],
    }
