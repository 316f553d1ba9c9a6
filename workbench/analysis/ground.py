"""What runs had before and after their mask was final: steps from the pretrained encoder, and recovery."""

from collections.abc import Sequence

import pandas as pd

from workbench.runs import Run

_COLUMNS = ["run", "dense_steps", "optimizer_steps", "from_pretrained", "recovery", "recovery_at_sparsity"]


def ground_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Steps of runs, counted from the pretrained encoder and since their mask was final.

    Args:
        runs: complete runs.

    Returns:
        one row for each: run (folder name), dense_steps (of the dense model, if the engine used it other than
            as a teacher, else 0), optimizer_steps (of the run itself, races included), from_pretrained (their
            sum), recovery (optimizer steps at peak rate since the mask last changed: the sum over steps of
            rate / peak rate) and recovery_at_sparsity (the same since the sparsity was final; larger only
            where trained scores go on changing the mask). Recovery is NaN for runs of earlier versions, which
            did not record it.
    """
    rows = []
    for run in runs:
        dense, own, recovery = run.dense_steps, run.optimizer_steps, run.recovery
        rows.append((run.name, dense, own, dense + own, recovery.get("mask"), recovery.get("sparsity")))
    kinds = dict.fromkeys(_COLUMNS[4:], "float64")
    return pd.DataFrame(rows, columns=_COLUMNS).astype(kinds)
