"""The line between two models, in words."""

from collections.abc import Mapping

import pandas as pd

from workbench.analysis import End, Trace, Walk, barriers

KEEP_WEIGHTS = "workbench prune synth/sst2 --engine swamp --sparsity 0.5 --scale 0.05 --keep-weights"
HOW_TO_KEEP = (
    "No run here kept the weights of its levels or particles, so final models are all that a line can join. "
    "--keep-weights keeps them; one command makes a run of both (some minutes):"
)
NO_ENDS = "There are no two models of one task and model here to join by a line."

NO_TRACE = "No trace was asked for; the parameter probes says how many sign vectors to estimate it with."


def what_is_there(there: Mapping[str, End]) -> pd.DataFrame:
    """Runs, and the stages of which they kept the weights beside those of the final model."""
    stages: dict[str, list[str]] = {}
    for end in there.values():
        stages.setdefault(end.run.name, []).extend([end.stage] if end.stage else [])
    rows = [(name, ", ".join(kept) or "none") for name, kept in stages.items()]
    return pd.DataFrame(rows, columns=["run", "kept_beside_the_final_model"])


def end_labels(there: Mapping[str, End]) -> dict[str, str]:
    """What each end is called in a list to choose from."""
    labels = {}
    for name, end in there.items():
        spec = end.run.spec
        which = f"{100 * spec.engine.sparsity:g} %, seed {spec.seed}"
        stage = end.stage.replace("/", ", ") or "final model"
        labels[name] = f"{spec.task}, {spec.engine.id}, {which} (…{end.run.name[-4:]}): {stage}"
    return labels


def what_was_walked(walked: Walk) -> list[str]:
    """Both ends and the number of points."""
    labels = end_labels({end.name: end for end in (walked.first, walked.second)})
    points = walked.table["alpha"].nunique()
    return [f"From {labels[walked.first.name]} to {labels[walked.second.name]}, at {points} points."]


def heights(walked: Walk) -> list[str]:
    """How high the barriers are, a sentence for each split."""
    return [_height(row) for row in barriers(walked.table).itertuples()]


def curvature(traces: tuple[Trace, ...]) -> pd.DataFrame:
    """The traces at both ends, for reading."""
    rows = [
        (place, trace.value, trace.standard_error, trace.weights, trace.value / trace.weights)
        for place, trace in zip((0, 1), traces, strict=True)
    ]
    columns = ["position", "trace_of_Hessian", "standard_error", "weights", "trace_per_weight"]
    return pd.DataFrame(rows, columns=columns).astype({"standard_error": float})


def _height(row: pd.Series) -> str:
    told = f"On {row.split} the loss rises {row.loss_barrier:.4f} above the straight line between its ends"
    if pd.isna(row.error_barrier):
        return f"{told}."
    basin = "below" if row.stable else "not below"
    return (
        f"{told}, and the error at most {100 * row.error_barrier:+.2f} points above their mean: {basin} the "
        "two points that Frankle et al. (2020) take for noise."
    )
