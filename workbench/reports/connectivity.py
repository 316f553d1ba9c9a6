"""The line between two models, in words and tables."""

from collections.abc import Mapping

import pandas as pd

from workbench.analysis.connectivity import Connection, Endpoint, barriers
from workbench.analysis.hessian import TraceEstimate

KEEP_WEIGHTS = "workbench prune synth/sst2 --engine swamp --sparsity 0.5 --scale 0.05 --keep-weights"
HOW_TO_KEEP = (
    "No run here kept the weights of its levels or particles, so a line can only connect final models. The "
    "option --keep-weights keeps them. This command makes a run with both (it takes some minutes):"
)
NO_ENDPOINTS = "There are no two models of one task and model here to connect by a line."
NO_TRACE = "No trace was computed; set the parameter probes to the number of sign vectors to use."


def endpoint_table(endpoints: Mapping[str, Endpoint]) -> pd.DataFrame:
    """The runs, and the stages whose weights they kept in addition to the final model."""
    stages: dict[str, list[str]] = {}
    for endpoint in endpoints.values():
        stages.setdefault(endpoint.run.name, []).extend([endpoint.stage] if endpoint.stage else [])
    rows = [(name, ", ".join(kept) or "none") for name, kept in stages.items()]
    return pd.DataFrame(rows, columns=["run", "kept_besides_the_final_model"])


def endpoint_labels(endpoints: Mapping[str, Endpoint]) -> dict[str, str]:
    """The name of each endpoint in a list to choose from."""
    labels = {}
    for name, endpoint in endpoints.items():
        spec = endpoint.run.spec
        which = f"{100 * spec.engine.sparsity:g} %, seed {spec.seed}"
        stage = endpoint.stage.replace("/", ", ") or "final model"
        labels[name] = f"{spec.task}, {spec.engine.id}, {which} (…{endpoint.run.name[-4:]}): {stage}"
    return labels


def what_was_connected(connection: Connection) -> list[str]:
    """Both endpoints and the number of points."""
    labels = endpoint_labels({end.name: end for end in (connection.first, connection.second)})
    first, second = labels[connection.first.name], labels[connection.second.name]
    return [f"From {first} to {second}, at {connection.table['alpha'].nunique()} points."]


def barrier_sentences(connection: Connection) -> list[str]:
    """The height of the barriers, a sentence for each split."""
    return [_barrier(row) for row in barriers(connection.table).itertuples()]


def trace_table(traces: tuple[TraceEstimate, ...]) -> pd.DataFrame:
    """The traces at both endpoints."""
    rows = [
        (position, trace.value, trace.standard_error, trace.weights, trace.value / trace.weights)
        for position, trace in enumerate(traces)
    ]
    columns = ["position", "trace_of_Hessian", "standard_error", "weights", "trace_per_weight"]
    return pd.DataFrame(rows, columns=columns).astype({"standard_error": float})


def _barrier(row: pd.Series) -> str:
    sentence = (
        f"On {row.split}, the loss rises {row.loss_barrier:.4f} above the straight line between its ends"
    )
    if pd.isna(row.error_barrier):
        return f"{sentence}."
    size = "less" if row.stable else "not less"
    return (
        f"{sentence}, and the error rises at most {100 * row.error_barrier:+.2f} points above the mean of "
        f"its ends: {size} than the two points that Frankle et al. (2020) attribute to noise."
    )
