"""The final models of a grid's runs on rows of train that no run has seen, each entry beside a baseline.

A dev split may be too small to tell entries apart: sst2 has 872 examples there, and 67,349 in train, of which
runs with `examples` leave most unused. Rows whose text is in the training, validation or dev split of any run
are left out. On sst2 the others are not independent of what was trained on: its train split has sentences and
their phrases.

The dense models that the runs share are scored as well.

Usage: .venv/bin/python docs/results/unused_rows.py GRID.yaml STORE COUNT [BASELINE]
"""

import sys
from collections.abc import Sequence

import numpy as np
import pandas as pd
from compare import markdown
from dense_models import dense_model
from grid_runs import grid_runs

from workbench import Run
from workbench.analysis.paired import RESAMPLES, Scores
from workbench.analysis.resampling import resampled_runs
from workbench.analysis.resolution import Difference
from workbench.errors import BadInput
from workbench.models import load_encoder, load_tokenizer
from workbench.tasks import Task, encode, load_task
from workbench.tasks.metrics import score
from workbench.training import predict
from workbench.training.data import drawn


def unused_rows(task: Task, runs: Sequence[Run], count: int) -> pd.DataFrame:
    """Rows of train whose text no run has trained on, was selected on or is scored on: `count`, drawn once.

    Args:
        task: that of the runs, which select on validation.
        runs: complete runs.
        count: number of rows.

    Raises:
        BadInput: there are fewer.
    """
    used = list(task.dev.values())
    for seed, examples in {(run.spec.seed, run.spec.examples) for run in runs}:
        train, validation = task.split(seed)
        used += [validation, train if examples is None else drawn(train, examples, seed, "examples")]
    seen = pd.concat(used)[list(task.inputs)].apply(tuple, axis=1)
    rest = task.train[~task.train[list(task.inputs)].apply(tuple, axis=1).isin(set(seen))]
    rest = rest.drop_duplicates(list(task.inputs))
    if count > len(rest):
        raise BadInput(f"{count} rows are wanted, and {task.id} has {len(rest)} that no run has seen.")
    return drawn(rest.reset_index(drop=True), count, 0, "unused rows")


def logits_of(run: Run, task: Task, rows: pd.DataFrame, dense: bool = False) -> np.ndarray:
    """Outputs of a run's final model, or of its dense model: float32 (rows, outputs)."""
    folder = str(run.folder.model)
    outputs = task.num_outputs
    model = dense_model(run, outputs) if dense else load_encoder(folder, outputs, run.spec.seed)
    return predict(model, encode(task, rows, load_tokenizer(folder)), run.environment["precision"])


def differences(scores: dict[str, Scores], seeds: dict[str, list[int]], baseline: str) -> pd.DataFrame:
    """A row for each entry, the best first; compared are those with the same seeds as the baseline."""
    table = []
    for entry, own in scores.items():
        cells = {"entry": entry, "unused rows, every seed": ", ".join(f"{value:.3f}" for value in own.values)}
        cells["mean"] = f"{own.values.mean():.4f}"
        if entry != baseline and seeds[entry] == seeds.get(baseline):
            found = Difference.between(own, scores[baseline])
            cells[f"minus {baseline}, 95 %"] = (
                f"{found.difference:+.4f} ({found.low:+.3f} to {found.high:+.3f})"
            )
            cells["would detect"] = f"{found.detectable:.3f}"
        table.append(cells)
    return pd.DataFrame(table).fillna("").sort_values("mean", ascending=False)


def tables(task: Task, runs: Sequence[Run], entries: dict[str, str], count: int, baseline: str) -> str:
    """A table for each sparsity of one task's runs, with a heading."""
    rows = unused_rows(task, runs, count)
    runs = sorted(runs, key=lambda run: run.spec.seed)
    of_seed = {run.spec.seed: run for run in runs}
    dense = [(run, logits_of(run, task, rows, dense=True)) for run in of_seed.values()]
    found = [f"{task.id}, {task.metrics[0]}, {len(rows)} rows of train"]
    for sparsity in sorted({run.spec.engine.sparsity for run in runs}):
        own = [run for run in runs if run.spec.engine.sparsity == sparsity]
        models = [("dense", *pair) for pair in dense]
        models += [(entries[run.name], run, logits_of(run, task, rows)) for run in own]
        found += [f"sparsity {sparsity:g}", markdown(table(task, rows, models, baseline))]
    return "\n" + "\n\n".join(found)


def table(task: Task, rows: pd.DataFrame, models: Sequence[tuple], baseline: str) -> pd.DataFrame:
    """`differences` of models, of each its entry, its run and its outputs."""
    labels, metric, logits = rows["label"].to_numpy(), task.metrics[0], [each for *_, each in models]
    values = np.array([score([metric], each, labels)[metric] for each in logits])
    resampled = resampled_runs(metric, labels, logits, task.id, RESAMPLES)
    scores, seeds = {}, {}
    for entry in dict.fromkeys(entry for entry, *_ in models):
        places = [place for place, model in enumerate(models) if model[0] == entry]
        scores[entry] = Scores(values[places], resampled[places])
        seeds[entry] = [models[place][1].spec.seed for place in places]
    return differences(scores, seeds, baseline)


if __name__ == "__main__":
    grid, store, count, *wanted = sys.argv[1:]
    runs, entries, number = grid_runs(grid, store)
    print(f"{len(runs)} of {number} runs are complete.")
    for task in dict.fromkeys(run.spec.task for run in runs):
        own = [run for run in runs if run.spec.task == task]
        try:
            print(tables(load_task(task), own, entries, int(count), *(wanted or ["magnitude"])))
        except BadInput as error:
            print(f"\n{task} is left out: {error}")
