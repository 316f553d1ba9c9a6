"""The metrics of a run at each level, and of the particles that a level averages."""

import pandas as pd

from workbench.runs import Run, dev_name

_COLUMNS = ["stage", "kept_share", "split", "metric", "value"]
_PARTICLE_COLUMNS = ["stage", "sparsity", "particle", "value", "average"]


def level_table(run: Run) -> pd.DataFrame:
    """Every metric on every split, for the dense model and then level by level.

    Returns:
        one row for each stage, split and metric; `kept_share` is the share of the prunable weights that is
        kept, in (0, 1], counted on the mask. The split "validation" is the one used for selection, and "dev"
        or "dev (...)" are the reported ones; a run that selects on dev has only the latter.
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
    return pd.DataFrame(rows, columns=_COLUMNS)


def score_table(run: Run) -> pd.DataFrame:
    """The same, one row for each stage: stage, sparsity in [0, 1), a column for each split and metric."""
    levels = level_table(run)
    levels["score"] = levels["split"] + " " + levels["metric"]
    table = levels.pivot(index=["stage", "kept_share"], columns="score", values="value")
    table = table.reindex(columns=levels["score"].unique()).loc[levels["stage"].unique()].reset_index()
    table.insert(1, "sparsity", 1 - table.pop("kept_share"))
    return table.rename_axis(columns=None)


def particle_table(run: Run) -> pd.DataFrame:
    """Each particle beside the average of its level.

    Returns:
        one row for each particle: stage, sparsity, particle (from 0), and value and average, the primary
        metric, on the split used for selection, of the particle alone and of the mean of all particles'
        weights; no row for an engine without particles.
    """
    metric = run.results["metrics"][0]
    rows = [
        (entry["stage"], entry["sparsity"], particle, metrics[metric], entry["validation"][metric])
        for level, entry in enumerate(run.results["levels"], start=1)
        for particle, metrics in enumerate(run.particles(level))
    ]
    return pd.DataFrame(rows, columns=_PARTICLE_COLUMNS)


def _splits(scores: dict, selection: str) -> dict[str, dict[str, float]]:
    splits = {} if selection == "dev" else {"validation": scores["validation"]}
    return splits | {dev_name(split): metrics for split, metrics in scores["dev"].items()}
