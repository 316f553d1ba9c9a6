"""What the metrics are at each level of a run."""

import pandas as pd

from workbench.runs import Run, dev_name

COLUMNS = ["stage", "kept_share", "split", "metric", "value"]


def level_table(run: Run) -> pd.DataFrame:
    """Every metric on every split, for the dense model and then level by level.

    Returns:
        one row a stage, split and metric; `kept_share` is the share of the prunable weights that is kept,
        in (0, 1], counted on the mask. The split "validation" is the one that selection looked at, and
        "dev" or "dev (...)" the reported ones; where a run selects on dev there are the latter only.
    """
    results = run.results
    stages = [("dense", 1.0, results["dense"])]
    stages += [(level["stage"], level["kept"] / level["numel"], level) for level in results["levels"]]
    rows = [
        (stage, share, split, metric, value)
        for stage, share, scores in stages
        for split, metrics in _splits(scores, results["selection"]).items()
        for metric, value in metrics.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def score_table(run: Run) -> pd.DataFrame:
    """The same, one row a stage: stage, sparsity in [0, 1), and a column for each metric of each split."""
    levels = level_table(run)
    levels["score"] = levels["split"] + " " + levels["metric"]
    table = levels.pivot(index=["stage", "kept_share"], columns="score", values="value")
    table = table.reindex(columns=levels["score"].unique()).loc[levels["stage"].unique()].reset_index()
    table.insert(1, "sparsity", 1 - table.pop("kept_share"))
    return table.rename_axis(columns=None)


def _splits(scores: dict, selection: str) -> dict[str, dict[str, float]]:
    splits = {} if selection == "dev" else {"validation": scores["validation"]}
    return splits | {dev_name(split): metrics for split, metrics in scores["dev"].items()}
