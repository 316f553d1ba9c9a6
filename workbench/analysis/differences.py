"""Paired differences between engines, with bootstrap intervals over seeds and dev examples."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from workbench.analysis.comparison import CONDITION
from workbench.analysis.paired import RESAMPLES, Scores, resampled_outputs
from workbench.analysis.resolution import Difference
from workbench.errors import BadInput, unknown
from workbench.randomness import numpy_generator
from workbench.runs import Run
from workbench.runs.predictions import Predictions, read_predictions

# Relative difference up to which step counts are called equal: phases cannot always be cut to the step.
EQUAL_STEPS = 0.01
# Of a comparison table; rows of fewer columns are taken in less time.
_NEEDED = [*CONDITION, "engine", "seed", "run", "metric", "dev", "from_pretrained"]
_COLUMNS = [
    *CONDITION,
    "engine",
    "seeds",
    "difference",
    "low",
    "high",
    "resampled",
    "detectable",
    "steps",
    "baseline_steps",
    "equal_steps",
]


def paired_differences(runs: Sequence[Run], table: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Each engine minus a baseline, at the same task, model, sparsity and seeds.

    A bootstrap resamples the seeds that both have, if there are several, and the dev examples, if the runs
    kept their predictions; both engines get the same resamples. The interval is the middle 95 % of the
    differences (percentile method).

    Args:
        runs: complete runs.
        table: `comparison_table` of them.
        baseline: an engine's label in it.

    Returns:
        one row for each task, model, sparsity and engine that shares a seed with the baseline: task, model,
        sparsity, engine, seeds (how many both have), difference (mean over them), low and high (NaN if
        nothing could be resampled), resampled ("seeds and examples", "seeds", "examples" or "nothing"),
        detectable (the smallest true difference that would be detected, see `resolution.Difference`), steps
        and baseline_steps (means of optimizer steps from the pretrained encoder), and equal_steps (whether
        these differ by at most 1 %).

    Raises:
        BadInput: runs of one task were scored on different dev examples.
    """
    scores = _Scores(runs)
    rows = []
    for condition, group in table[_NEEDED].groupby(CONDITION, sort=False):
        by_seed = {label: part.set_index("seed") for label, part in group.groupby("engine", sort=False)}
        base = by_seed.pop(baseline, None)
        pairs = {}
        for label, engine in by_seed.items():
            seeds = [] if base is None else engine.index.intersection(base.index)
            if len(seeds):
                pairs[label] = len(seeds), engine.loc[seeds], base.loc[seeds]
        if pairs:
            scores.read(pd.concat([part for _, *pair in pairs.values() for part in pair]))
        for label, (seeds, *pair) in pairs.items():
            row = dict(zip(CONDITION, condition, strict=True)) | {"engine": label, "seeds": seeds}
            rows.append(row | _compared(*pair, scores))
    return pd.DataFrame(rows, columns=_COLUMNS).astype({"equal_steps": bool})


def baseline_of(table: pd.DataFrame, wanted: str = "") -> str:
    """The engine that the others in a comparison are compared with.

    Args:
        table: `comparison_table`.
        wanted: a label in it; empty for `magnitude`, or for the first label if there is no `magnitude`.

    Raises:
        BadInput: there is no such engine in the table.
    """
    labels = list(table["engine"].unique())
    if wanted and wanted not in labels:
        raise unknown("engine of the comparison", wanted, labels)
    return wanted or ("magnitude" if "magnitude" in labels else labels[0])


class _Scores:
    """The metric of runs on every resample of their dev examples, computed for all runs of a task at once."""

    def __init__(self, runs: Sequence[Run]):
        self._folders = {run.name: run.folder for run in runs}
        self._labels: dict[str, np.ndarray] = {}
        self._resampled: dict[str, np.ndarray] = {}

    def read(self, rows: pd.DataFrame) -> None:
        """Computes those of runs of one task in a comparison table, and forgets those of others."""
        kept: dict[str, Predictions] = {}
        for name, task in dict(zip(rows["run"], rows["task"], strict=True)).items():
            if splits := read_predictions(self._folders[name]):
                outputs = next(iter(splits.values()))
                kept[name] = replace(outputs, labels=self._shared(name, task, outputs.labels))
        self._resampled = {}
        if kept:
            scores = resampled_outputs(rows["metric"].iloc[0], list(kept.values()), rows["task"].iloc[0])
            self._resampled = dict(zip(kept, scores, strict=True))

    def of(self, rows: pd.DataFrame) -> Scores:
        """The scores of runs that were read, in the order of the rows; resampled if all kept predictions."""
        found = [self._resampled.get(name) for name in rows["run"]]
        known = all(one is not None for one in found)
        return Scores(rows["dev"].to_numpy(), np.array(found) if known else None)

    def _shared(self, name: str, task: str, labels: np.ndarray) -> np.ndarray:
        """One array of labels for all runs of a task."""
        shared = self._labels.setdefault(task, labels)
        if not np.array_equal(shared, labels):
            raise BadInput(
                f"run {name} was scored on different dev examples from the runs before it, so they "
                f"cannot be paired. Leave out the runs of {task} that were made with other data."
            )
        return shared


def _compared(engine: pd.DataFrame, base: pd.DataFrame, scores: _Scores) -> dict:
    first, second = scores.of(engine), scores.of(base)
    low, high, resampled_over = bootstrap_interval(first, second)
    steps, base_steps = (part["from_pretrained"].mean() for part in (engine, base))
    return {
        "difference": (first.values - second.values).mean(),
        "low": low,
        "high": high,
        "resampled": resampled_over,
        "detectable": Difference.between(first, second).detectable,
        "steps": round(steps),
        "baseline_steps": round(base_steps),
        "equal_steps": abs(steps - base_steps) <= EQUAL_STEPS * max(steps, base_steps),
    }


def bootstrap_interval(first: Scores, second: Scores) -> tuple[float, float, str]:
    """The middle 95 % of the resampled mean difference, and what was resampled (see `paired_differences`)."""
    differences = first.values - second.values
    count, examples = len(differences), first.resampled is not None and second.resampled is not None
    if examples:
        table = first.resampled - second.resampled
    else:
        table = np.repeat(differences[:, None], RESAMPLES, axis=1)
    if count == 1 and not examples:
        return np.nan, np.nan, "nothing"
    if count > 1:
        chosen = numpy_generator("bootstrap", "seeds", count).integers(count, size=(count, RESAMPLES))
        table = np.take_along_axis(table, chosen, axis=0)
    low, high = np.quantile(table.mean(axis=0), (0.025, 0.975))
    over = ["seeds"] * (count > 1) + ["examples"] * examples
    return float(low), float(high), " and ".join(over)
