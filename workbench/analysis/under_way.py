"""How a run goes, while it goes."""

from collections.abc import Sequence

import pandas as pd

DENSE, RACE, LEVELS = "dense model", "candidates", "levels"
_COLUMNS = ["step", "stage", "kind", "loss", "metric", "value"]


def curves_under_way(dense: Sequence[dict], events: Sequence[dict]) -> pd.DataFrame:
    """Losses and scores of all stages so far, one after the other.

    Args:
        dense: events of the dense model that the run starts from (`runs/events.py`).
        events: those of the run.

    Returns:
        one row an event: step (optimizer steps done by all stages until then), stage, kind ("dense model",
        "candidates" of a race or trained for study, "levels"), loss of a training batch, and metric and value
        (name and value of the primary metric on the split that selection uses); what an event does not tell
        is missing.
    """
    steps: dict[tuple[str, str], int] = {}
    rows = []
    for source, event in [*(("dense", e) for e in dense), *(("run", e) for e in events)]:
        steps[source, event["stage"]] = event["step"]
        kind = DENSE if source == "dense" else RACE if "/candidate-" in event["stage"] else LEVELS
        metric, value = (
            next(iter(event["metrics"].items())) if event["event"] == "evaluation" else (None, None)
        )
        if event["event"] in ("train", "evaluation"):
            rows.append((sum(steps.values()), event["stage"], kind, event.get("loss"), metric, value))
    return pd.DataFrame(rows, columns=_COLUMNS).astype({"loss": "float64", "value": "float64"})
