"""The progress of a run, during the run."""

from collections.abc import Sequence

import pandas as pd

from workbench.stages import Stage

DENSE, RACE, LEVELS = "dense model", "candidates", "levels"
_COLUMNS = ["step", "stage", "kind", "loss", "metric", "value"]


def progress_curves(dense: Sequence[dict], events: Sequence[dict]) -> pd.DataFrame:
    """Losses and scores of all stages so far, one after the other.

    Args:
        dense: events of the dense model that the run starts from (`runs/events.py`).
        events: those of the run.

    Returns:
        one row for each event: step (optimizer steps of all stages until then), stage, kind ("dense model",
        "candidates", in a race or trained in full for study, or "levels"), loss of a training batch, and
        metric and value (name and value of the primary metric on the split used for selection); what an
        event does not record is missing.
    """
    steps: dict[tuple[str, str], int] = {}
    rows = []
    for source, event in [*(("dense", e) for e in dense), *(("run", e) for e in events)]:
        steps[source, event["stage"]] = event["step"]
        metric, value = (
            next(iter(event["metrics"].items())) if event["event"] == "evaluation" else (None, None)
        )
        if event["event"] in ("train", "evaluation"):
            kind = DENSE if source == "dense" else _kind(Stage(event["stage"]))
            rows.append((sum(steps.values()), event["stage"], kind, event.get("loss"), metric, value))
    return pd.DataFrame(rows, columns=_COLUMNS).astype({"loss": "float64", "value": "float64"})


def _kind(stage: Stage) -> str:
    return LEVELS if stage.candidate_number is None else RACE
