"""What runs cost, and what they leave: zeros, bytes and milliseconds."""

import json
from collections.abc import Sequence
from math import prod
from pathlib import Path

import pandas as pd

from workbench.analysis.comparison import CONDITION
from workbench.runs import Run

_PURPOSES = {
    "training": "training the levels",
    "racing": "early training of candidates",
    "total": "total",
    "full": "full training of candidates, for study",
}
_COUNTS = ["optimizer_steps", "examples", "zeros", "mask_bytes", "model_bytes"]
_STORAGE = ["zeros", "mask_bytes", "model_bytes", "forward_ms", "dense_ms"]
_COLUMNS = ["optimizer_steps", "examples", "TFLOP", "wall_seconds", *_STORAGE]


def cost_table(run: Run) -> pd.DataFrame:
    """Cost by purpose: optimizer steps, training examples, floating-point operations, wall seconds.

    The total leaves out the dense model, which all runs of a task, model and seed share, and full training
    of candidates for study. Operations are counted as if the model were dense, so that costs can be compared.
    """
    results = run.results
    costs = {"dense model (shared by runs)": results["dense"]["cost"]}
    costs |= {label: results["cost"][purpose] for purpose, label in _PURPOSES.items()}
    rows = [
        (label, cost["optimizer_steps"], cost["examples"], cost["flops"] / 1e12, cost["seconds"])
        for label, cost in costs.items()
        if cost["optimizer_steps"]
    ]
    return pd.DataFrame(rows, columns=["purpose", "optimizer steps", "examples", "TFLOP", "wall seconds"])


def storage_table(run: Run) -> pd.DataFrame:
    """Zeros, bytes and milliseconds: what, count, unit. They are different things, hence three units.

    A model file that is no longer in the run folder is left out, and so is what a run did not measure.
    """
    level = run.results["levels"][-1]
    zeros, numel = level["numel"] - level["kept"], level["numel"]
    rows = [("zeros among the prunable weights", zeros, "weights"), ("prunable weights", numel, "weights")]
    weights, mask = run.folder.model_weights, run.folder.mask(level["stage"])
    if weights.exists():
        rows += [
            ("all parameters of the model", _parameters(weights), "weights"),
            ("model file: zeros are stored like other numbers", weights.stat().st_size, "bytes"),
        ]
    rows.append(("mask file: one bit for each prunable weight", mask.stat().st_size, "bytes"))
    if latency := run.results.get("milliseconds"):
        what = f"forward of {latency['examples']} examples"
        rows += [(f"{what}, {model} model", latency[model], "milliseconds") for model in ("pruned", "dense")]
    return pd.DataFrame(rows, columns=["what", "count", "unit"])


def cost_by_engine(runs: Sequence[Run], table: pd.DataFrame) -> pd.DataFrame:
    """What engines cost and leave, as means over seeds.

    Args:
        runs: complete runs.
        table: `comparison_table` of them.

    Returns:
        one row for each task, model, sparsity and engine: optimizer_steps, examples, TFLOP (as if dense),
        wall_seconds, zeros (among the prunable weights), mask_bytes, model_bytes (missing where a run folder
        has no model file), and forward_ms and dense_ms, the time of one forward pass of the pruned and of
        the dense model (missing where a run did not measure it).
    """
    wanted = set(table["run"])
    storage = pd.DataFrame([_storage(run) for run in runs if run.name in wanted], columns=["run", *_STORAGE])
    joined = table.merge(storage, on="run").rename(columns={"tflop": "TFLOP", "seconds": "wall_seconds"})
    means = joined.groupby([*CONDITION, "engine"], sort=False)[_COLUMNS].mean().reset_index()
    return means.round(dict.fromkeys(_COUNTS, 0)).astype(dict.fromkeys(_COUNTS, "Int64"))


def _storage(run: Run) -> tuple:
    results = run.results
    level = results["levels"][-1]
    mask, model = run.folder.mask(level["stage"]), run.folder.model_weights
    size = model.stat().st_size if model.exists() else float("nan")
    latency = results.get("milliseconds", {})
    milliseconds = (latency.get(name, float("nan")) for name in ("pruned", "dense"))
    return run.name, level["numel"] - level["kept"], mask.stat().st_size, size, *milliseconds


def _parameters(path: Path) -> int:
    """Number of values in a safetensors file, from its header alone."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return sum(prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
