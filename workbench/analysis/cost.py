"""What a run took, and what it left: zeros, bytes and milliseconds."""

import json
from math import prod
from pathlib import Path

import pandas as pd

from workbench.runs import Run

_PURPOSES = {
    "training": "training the levels",
    "racing": "early training of candidates",
    "total": "total",
    "full": "full training of candidates, for study",
}


def cost_table(run: Run) -> pd.DataFrame:
    """Cost by purpose: optimizer steps, training examples, floating-point operations, wall seconds.

    The total leaves out the dense model, which all runs of a task, model and seed share, and full training
    of candidates for study. Operations are counted as if the model were dense: unstructured zeros save none.
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
    """Zeros, bytes and milliseconds: what, count, unit. Different things, hence three units.

    A model file that is no longer in the run folder is left out, and so is what a run did not measure.
    """
    level = run.results["levels"][-1]
    zeros, numel = level["numel"] - level["kept"], level["numel"]
    rows = [("zeros among the prunable weights", zeros, "weights"), ("prunable weights", numel, "weights")]
    model = run.path / "model" / "model.safetensors"
    if model.exists():
        rows += [
            ("all parameters of the model", _parameters(model), "weights"),
            ("model file: zeros are stored like other numbers", model.stat().st_size, "bytes"),
        ]
    mask = run.path / "masks" / f"{level['stage']}.safetensors"
    rows.append(("mask file: one bit for each prunable weight", mask.stat().st_size, "bytes"))
    if taken := run.results.get("milliseconds"):
        what = f"forward of {taken['examples']} examples"
        rows += [(f"{what}, {model} model", taken[model], "milliseconds") for model in ("pruned", "dense")]
    return pd.DataFrame(rows, columns=["what", "count", "unit"])


def _parameters(path: Path) -> int:
    """Number of values in a safetensors file, from its header alone."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return sum(prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
