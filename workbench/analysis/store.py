"""The runs of a store, as a table."""

from pathlib import Path

import pandas as pd

from workbench.errors import WorkbenchError
from workbench.process import without_collections
from workbench.runs import COMPLETE, Run, Store, status

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
    """The runs of a store, by name.

    Returns:
        name, task, engine, sparsity (the target), seed, status ("complete", "incomplete", or why the run
        cannot be read), metric and dev (the primary metric on the first dev split) and optimizer_steps (in
        total, without the shared dense model). Unknown values are missing.
    """
    with without_collections():
        rows = [_row(Run(folder)) for folder in Store(store).runs()]
    return pd.DataFrame(rows, columns=list(_TYPES)).astype(_TYPES)


def _row(run: Run) -> dict:
    row = {"name": run.name, "status": status(run)}
    try:
        spec = run.spec
    except (WorkbenchError, OSError, ValueError):
        return row
    row |= {
        "task": spec.task,
        "engine": spec.engine.id,
        "sparsity": spec.engine.sparsity,
        "seed": spec.seed,
    }
    return row | _outcome(run) if row["status"] == COMPLETE else row


def _outcome(run: Run) -> dict:
    metric, value = run.dev_score
    return {"metric": metric, "dev": value, "optimizer_steps": run.optimizer_steps}
