"""Two runs on the same dev examples: where they differ, and whether chance would explain it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import special, stats

from workbench.errors import BadInput
from workbench.runs import Run
from workbench.runs.predictions import Predictions, has_predictions, read_predictions
from workbench.tasks import Task

# Of classes and of targets: which run does better, or neither.
CLASSES = {"first": "only the first is right", "second": "only the second is right"}
TARGETS = {"first": "the first is nearer", "second": "the second is nearer"}


@dataclass(frozen=True)
class SignTest:
    """How often each of two runs does better, and the exact sign test of that (of classes: McNemar's).

    Attributes:
        first, second: examples on which that run alone does better.
        ties: the other examples, which the test leaves out.
        p_value: two-sided binomial probability of a division at least as uneven, were either side as likely;
            1 where no example is left.
    """

    first: int
    second: int
    ties: int
    p_value: float


def usual_pair(runs: Sequence[Run]) -> tuple[Run, Run] | None:
    """Of the runs that kept predictions two of one task, as near to each other in all else as there are.

    Engines should differ; model, sparsity and seed should not. None where there is no pair.
    """
    kept = [run for run in runs if has_predictions(run.path)]
    pairs = [pair for pair in combinations(kept, 2) if pair[0].spec.task == pair[1].spec.task]
    return max(pairs, key=_nearness, default=None)


def outcomes(first: Run, second: Run) -> pd.DataFrame:
    """What two runs say of each example of the first dev split.

    Args:
        first, second: complete runs of one task that kept their predictions.

    Returns:
        one row an example, in the order of the split: example (number, from 0), label, first and second (what
        each run says: class numbers or values), first_error and second_error (the probability that each
        gives to other classes than the label's, in [0, 1], or the distance from the target), and outcome
        ("both right", "both wrong" and `CLASSES`, or "equally near" and `TARGETS`).

    Raises:
        BadInput: the runs are of different tasks, a run kept no predictions, or they were scored on different
            examples.
    """
    if first.spec.task != second.spec.task:
        raise BadInput(
            f"{first.name} is of {first.spec.task} and {second.name} of {second.spec.task}, which have no "
            "example in common. Choose two runs of one task."
        )
    one, other = (_kept(run) for run in (first, second))
    if not np.array_equal(one.labels, other.labels):
        raise BadInput(
            f"{first.name} and {second.name} were scored on different dev examples, so there are no pairs. "
            "Make one of them again with the data of the other."
        )
    said, errors = zip(*(_said(side) for side in (one, other)), strict=True)
    table = pd.DataFrame(
        {
            "example": np.arange(len(one.labels)),
            "label": one.labels,
            "first": said[0],
            "second": said[1],
            "first_error": errors[0],
            "second_error": errors[1],
        }
    )
    is_classes = one.logits.shape[1] > 1
    return table.assign(outcome=_of_classes(table) if is_classes else _of_targets(table))


def sign_test(table: pd.DataFrame) -> SignTest:
    """The exact sign test on `outcomes`, in which examples on which neither run does better have no say."""
    first, second = (
        int(table["outcome"].isin([CLASSES[side], TARGETS[side]]).sum()) for side in ("first", "second")
    )
    decided = first + second
    p_value = float(stats.binomtest(first, decided).pvalue) if decided else 1.0
    return SignTest(first, second, len(table) - decided, p_value)


def flips(table: pd.DataFrame, most: int, task: Task | None = None) -> pd.DataFrame:
    """The examples on which one run alone does better, those with the largest difference of errors first.

    Args:
        table: `outcomes`.
        most: rows of either direction.
        task: gives the examples' texts and the names of classes; None for numbers alone.

    Returns:
        outcome, example, the task's input columns where they are texts, label, first, second, first_error and
        second_error.

    Raises:
        BadInput: the labels are not those of the task's first dev split.
    """
    decided = table[table["outcome"].isin([*CLASSES.values(), *TARGETS.values()])]
    difference = (decided["first_error"] - decided["second_error"]).abs()
    order = decided.assign(difference=difference).sort_values(
        ["outcome", "difference"], ascending=[True, False], kind="stable"
    )
    chosen = order.groupby("outcome", sort=False).head(most).drop(columns="difference")
    texts = [] if task is None else _add_texts(chosen, table, task)
    says = ["label", "first", "second"]
    return chosen[["outcome", "example", *texts, *says, "first_error", "second_error"]].reset_index(drop=True)


def _nearness(pair: tuple[Run, Run]) -> tuple[bool, ...]:
    one, other = (run.spec for run in pair)
    return (
        one.model == other.model,
        one.engine.sparsity == other.engine.sparsity,
        one.engine.id != other.engine.id,
        one.seed == other.seed,
    )


def _kept(run: Run) -> Predictions:
    kept = read_predictions(run.path)
    if not kept:
        raise BadInput(
            f"run {run.name} kept no predictions. Delete its folder and run the same command again; it "
            "will keep them."
        )
    return next(iter(kept.values()))


def _said(split: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """(examples,) predictions, and their errors."""
    logits = split.logits.astype(np.float64)
    if logits.shape[1] == 1:
        return logits[:, 0], np.abs(logits[:, 0] - split.labels)
    right = np.take_along_axis(special.softmax(logits, axis=1), split.labels[:, None].astype(int), axis=1)
    return logits.argmax(axis=1), 1 - right[:, 0]


def _of_classes(table: pd.DataFrame) -> np.ndarray:
    first, second = (table[side] == table["label"] for side in ("first", "second"))
    cases = [first & second, first, second]
    return np.select(cases, ["both right", *CLASSES.values()], default="both wrong")


def _of_targets(table: pd.DataFrame) -> np.ndarray:
    first, second = table["first_error"], table["second_error"]
    return np.select([first < second, second < first], list(TARGETS.values()), default="equally near")


def _add_texts(chosen: pd.DataFrame, table: pd.DataFrame, task: Task) -> list[str]:
    """Puts texts and names of classes into `chosen`; returns the names of the columns of texts."""
    rows = next(iter(task.dev.values()))
    if not np.array_equal(rows["label"], table["label"]):
        raise BadInput(
            f"the dev examples of {task.id} are not those that the runs were scored on: the data has changed "
            "since. Restore it to see the sentences."
        )
    for column in ("label", "first", "second") if task.labels else ():
        chosen[column] = [task.labels[int(number)] for number in chosen[column]]
    texts = list(task.inputs) if task.modality == "text" else []
    for column in texts:
        chosen[column] = rows[column].iloc[chosen["example"]].to_numpy()
    return texts
