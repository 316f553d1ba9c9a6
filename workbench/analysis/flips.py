"""Two runs on the same dev examples: where they differ, and whether chance could explain it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import scipy

from workbench.errors import BadInput
from workbench.runs import Run
from workbench.runs.predictions import Predictions, has_predictions, read_predictions
from workbench.tasks import Task

# Outcomes for classes and for targets in which one of the runs does better.
CLASSES = {"first": "only the first is right", "second": "only the second is right"}
TARGETS = {"first": "the first is nearer", "second": "the second is nearer"}
TIED = "equally near"


@dataclass(frozen=True)
class SignTest:
    """How often each of two runs does better, and the exact sign test of that (for classes, McNemar's).

    Attributes:
        first, second: number of examples on which only that run does better.
        ties: the other examples, which the test ignores.
        p_value: two-sided binomial probability of a split at least as uneven, if either side were equally
            likely; 1 if every example is a tie.
    """

    first: int
    second: int
    ties: int
    p_value: float


def default_pair(runs: Sequence[Run]) -> tuple[Run, Run] | None:
    """Two runs of one task that kept their predictions and otherwise differ as little as possible.

    Engines should differ; model, sparsity and seed should not. None if there is no pair.
    """
    kept = [run for run in runs if has_predictions(run.folder)]
    pairs = [pair for pair in combinations(kept, 2) if pair[0].spec.task == pair[1].spec.task]
    return max(pairs, key=_comparability, default=None)


def outcomes(first: Run, second: Run) -> pd.DataFrame:
    """The predictions of two runs on each example of the first dev split.

    Args:
        first, second: complete runs of one task that kept their predictions.

    Returns:
        one row for each example, in the order of the split: example (number, from 0), label, first and second
        (the runs' predictions: class numbers or values), first_error and second_error (the probability that
        each run gives to classes other than the label's, in [0, 1], or the distance from the target), and
        outcome ("both right", "both wrong" and `CLASSES`, or "equally near" and `TARGETS`).

    Raises:
        BadInput: the runs are of different tasks, a run kept no predictions, or they were scored on different
            examples.
    """
    if first.spec.task != second.spec.task:
        raise BadInput(
            f"{first.name} is a run on {first.spec.task} and {second.name} one on {second.spec.task}, which "
            "have no examples in common. Choose two runs of one task."
        )
    splits = [_predictions(run) for run in (first, second)]
    labels = splits[0].labels
    if not np.array_equal(labels, splits[1].labels):
        raise BadInput(
            f"{first.name} and {second.name} were scored on different dev examples, so they cannot be "
            "paired. Make one of them again with the data of the other."
        )
    predicted, errors = zip(*map(_predicted, splits), strict=True)
    table = pd.DataFrame(
        {
            "example": np.arange(len(labels)),
            "label": labels,
            "first": predicted[0],
            "second": predicted[1],
            "first_error": errors[0],
            "second_error": errors[1],
        }
    )
    is_classes = splits[0].logits.shape[1] > 1
    return table.assign(outcome=_of_classes(table) if is_classes else _of_targets(table))


def sign_test(table: pd.DataFrame) -> SignTest:
    """The exact sign test on `outcomes`, which ignores examples on which neither run does better."""
    first, second = (
        int(table["outcome"].isin([CLASSES[side], TARGETS[side]]).sum()) for side in ("first", "second")
    )
    decided = first + second
    p_value = float(scipy.stats.binomtest(first, decided).pvalue) if decided else 1.0
    return SignTest(first, second, len(table) - decided, p_value)


def flipped_examples(table: pd.DataFrame, limit: int, task: Task | None = None) -> pd.DataFrame:
    """The examples on which only one run does better, those with the largest difference of errors first.

    Args:
        table: `outcomes`.
        limit: the largest number of rows in either direction.
        task: provides the examples' texts and the names of classes; None for numbers alone.

    Returns:
        outcome, example, the task's input columns if they are texts, label, first, second, first_error and
        second_error.

    Raises:
        BadInput: the labels are not those of the task's first dev split.
    """
    decided = table[table["outcome"].isin([*CLASSES.values(), *TARGETS.values()])]
    difference = (decided["first_error"] - decided["second_error"]).abs()
    order = decided.assign(difference=difference).sort_values(
        ["outcome", "difference"], ascending=[True, False], kind="stable"
    )
    chosen = order.groupby("outcome", sort=False).head(limit).drop(columns="difference")
    texts = [] if task is None else _add_texts(chosen, table, task)
    columns = ["outcome", "example", *texts, "label", "first", "second", "first_error", "second_error"]
    return chosen[columns].reset_index(drop=True)


def _comparability(pair: tuple[Run, Run]) -> tuple[bool, ...]:
    first, second = (run.spec for run in pair)
    return (
        first.model == second.model,
        first.engine.sparsity == second.engine.sparsity,
        first.engine.id != second.engine.id,
        first.seed == second.seed,
    )


def _predictions(run: Run) -> Predictions:
    splits = read_predictions(run.folder)
    if not splits:
        raise BadInput(
            f"run {run.name} kept no predictions. Delete its folder and run the same command again, which "
            "now keeps them."
        )
    return next(iter(splits.values()))


def _predicted(split: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """(examples,) predictions, and their errors."""
    logits = split.logits.astype(np.float64)
    if logits.shape[1] == 1:
        return logits[:, 0], np.abs(logits[:, 0] - split.labels)
    right = np.take_along_axis(
        scipy.special.softmax(logits, axis=1), split.labels[:, None].astype(int), axis=1
    )
    return logits.argmax(axis=1), 1 - right[:, 0]


def _of_classes(table: pd.DataFrame) -> np.ndarray:
    first, second = (table[side] == table["label"] for side in ("first", "second"))
    cases = [first & second, first, second]
    return np.select(cases, ["both right", *CLASSES.values()], default="both wrong")


def _of_targets(table: pd.DataFrame) -> np.ndarray:
    first, second = table["first_error"], table["second_error"]
    return np.select([first < second, second < first], list(TARGETS.values()), default=TIED)


def _add_texts(chosen: pd.DataFrame, table: pd.DataFrame, task: Task) -> list[str]:
    """Adds texts and names of classes to `chosen`; returns the names of the columns of texts."""
    rows = next(iter(task.dev.values()))
    if not np.array_equal(rows["label"], table["label"]):
        raise BadInput(
            f"the dev examples of {task.id} are not those that the runs were scored on: the data has changed "
            "since. Restore it to see the sentences."
        )
    for column in ("label", "first", "second") if task.labels else ():
        chosen[column] = [task.labels[int(number)] for number in chosen[column]]
    texts = {}
    for column in task.inputs if task.modality == "text" else ():
        # One's own columns may be called like those of the table, such as "first" and "second".
        texts[f"text {column}" if column in chosen else column] = (
            rows[column].iloc[chosen["example"]].to_numpy()
        )
    for name, cells in texts.items():
        chosen[name] = cells
    return list(texts)
