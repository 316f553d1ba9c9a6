"""What engines took and what they left, side by side."""

from collections.abc import Sequence

import pandas as pd

from workbench.analysis.comparison import PLACE
from workbench.runs import Run

_COUNTS = ["optimizer_steps", "examples", "zeros", "mask_bytes", "model_bytes"]
_LEFT = ["zeros", "mask_bytes", "model_bytes", "forward_ms", "dense_ms"]
_COLUMNS = ["optimizer_steps", "examples", "TFLOP", "wall_seconds", *_LEFT]


def cost_by_engine(runs: Sequence[Run], table: pd.DataFrame) -> pd.DataFrame:
    """What engines took and left, as means over seeds.

    Zeros, bytes and milliseconds are different things.

    Args:
        runs: complete ones.
        table: `comparison_table` of them.

    Returns:
        one row for each task, model, sparsity and engine: optimizer_steps, examples, TFLOP (as if dense),
        wall_seconds, zeros (among the prunable weights), mask_bytes, model_bytes (missing where a run folder
        has no model file), and forward_ms and dense_ms, which a forward of the pruned and of the dense
        model takes (missing where a run measured none).
    """
    left = pd.DataFrame([_left(run) for run in runs], columns=["run", *_LEFT])
    joined = table.merge(left, on="run").rename(columns={"tflop": "TFLOP", "seconds": "wall_seconds"})
    means = joined.groupby([*PLACE, "engine"], sort=False)[_COLUMNS].mean().reset_index()
    return means.round(dict.fromkeys(_COUNTS, 0)).astype(dict.fromkeys(_COUNTS, "Int64"))


def _left(run: Run) -> tuple:
    level = run.results["levels"][-1]
    mask = run.path / "masks" / f"{level['stage']}.safetensors"
    model = run.path / "model" / "model.safetensors"
    size = model.stat().st_size if model.exists() else float("nan")
    taken = run.results.get("milliseconds", {})
    milliseconds = (taken.get(name, float("nan")) for name in ("pruned", "dense"))
    return run.name, level["numel"] - level["kept"], mask.stat().st_size, size, *milliseconds
