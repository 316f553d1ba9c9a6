"""What the data of a task looks like: sizes, classes, lengths, repeated rows, and what dev can tell apart."""

from dataclasses import asdict, dataclass
from math import ceil, sqrt
from typing import Any

import numpy as np
import pandas as pd
import scipy

from workbench.models import MINILM, load_tokenizer
from workbench.randomness import numpy_generator
from workbench.tasks import Task, load_task, own
from workbench.tasks.metrics import score

WANTED_DIFFERENCE = 0.01
# The share of dev rows on which two models of one task are taken to disagree, and a correlation between
# predictions and targets: both are typical and stated with the result.
DISAGREEMENT = 0.1
CORRELATION = 0.8
_SAMPLE = 10_000
_ALPHA, _POWER = 0.05, 0.8


@dataclass(frozen=True)
class Lengths:
    """Tokens in the texts of train, special tokens included.

    Attributes:
        median, high, longest: of a sample of at most 10,000 rows; `high` is the 95th percentile.
        cut: share of rows that are longer than the task's limit.
    """

    median: int
    high: int
    longest: int
    cut: float


@dataclass(frozen=True)
class Resolution:
    """The differences between two models that the dev rows can tell apart.

    Attributes:
        detectable: the smallest true difference that is detected with 80 % power at 5 %, two-sided.
        rows: the number of dev rows that it takes for a difference of 0.01.
    """

    detectable: float
    rows: int


def describe(task_id: str) -> dict[str, Any]:
    """What the rows of a task look like, as plain data.

    Returns:
        task, and origin (its files) if it is one's own; rows, of train and of the first dev split, which is
        called dev; dropped, the rows dropped from each split; classes (`shares`); lengths (`Lengths`, and the
        limit), None for images; repeated, the dev rows whose inputs are also in train; constant, the largest
        class or the mean of train with its scores on dev; and resolution (`Resolution`).

    Raises:
        BadInput: there is no such task, or its rows cannot be loaded.
    """
    task, data = load_task(task_id), own.definition_of(task_id)
    is_text = task.modality == "text"
    return {
        "task": task.id,
        "origin": data.origin() if data else None,
        "rows": {"train": len(task.train), "dev": len(_dev(task))},
        "dropped": dict(task.dropped),
        "classes": shares(task).to_dict("records"),
        "lengths": asdict(lengths(task, MINILM)) | {"limit": task.max_length} if is_text else None,
        "repeated": own.repeated_rows(task),
        "constant": {"answer": _constant(task), "scores": constant_scores(task)},
        "resolution": asdict(resolution(task)),
    }


def shares(task: Task) -> pd.DataFrame:
    """The classes of a task: one row each with its name, its rows in train and their share, and in dev."""
    splits = {"train": task.train, "dev": _dev(task)}
    table = pd.DataFrame({"class": task.labels})
    for name, frame in splits.items():
        counts = frame["label"].value_counts().reindex(range(len(task.labels)), fill_value=0)
        table[name] = counts.to_numpy()
        table[f"{name}_share"] = counts.to_numpy() / len(frame)
    return table


def constant_scores(task: Task) -> dict[str, float]:
    """What the largest class of train, or the mean of its targets, scores as the answer to all of dev."""
    labels = _dev(task)["label"].to_numpy()
    if task.is_regression:
        logits = np.full((len(labels), 1), task.train["label"].mean())
    else:
        largest = task.train["label"].value_counts().idxmax()
        logits = np.broadcast_to(np.eye(task.num_outputs)[largest], (len(labels), task.num_outputs))
    return score(task.metrics, logits, labels)


def lengths(task: Task, model_id: str) -> Lengths:
    """The lengths of the texts of train in tokens of a model.

    Raises:
        BadInput: the model has no tokenizer here.
    """
    rows = np.sort(numpy_generator("lengths").permutation(len(task.train))[:_SAMPLE])
    texts = (task.train[column].iloc[rows].tolist() for column in task.inputs)
    tokens = load_tokenizer(model_id)(*texts, truncation=False, verbose=False)
    counts = np.array([len(ids) for ids in tokens["input_ids"]])
    return Lengths(
        int(np.median(counts)),
        int(np.quantile(counts, 0.95)),
        int(counts.max()),
        float((counts > task.max_length).mean()),
    )


def resolution(task: Task) -> Resolution:
    """The smallest difference of accuracies, or of correlations, that the first dev split can show.

    Two models are scored on the same n rows. If they disagree on a share d of them, the difference of their
    accuracies has the standard error sqrt(d / n) where they are equal (McNemar's test); a difference above d
    takes a d as large. Correlations r of two models that err independently differ with the standard error
    sqrt(2) (1 - r^2) / sqrt(n), which is an upper limit for two models of one task.
    """
    rows = len(_dev(task))
    quantiles = float(scipy.stats.norm.ppf(1 - _ALPHA / 2) + scipy.stats.norm.ppf(_POWER))
    reach = quantiles * (sqrt(2) * (1 - CORRELATION**2) if task.is_regression else sqrt(DISAGREEMENT))
    detectable = reach / sqrt(rows)
    if not task.is_regression and detectable > DISAGREEMENT:
        detectable = min(1.0, quantiles**2 / rows)
    return Resolution(detectable, ceil((reach / WANTED_DIFFERENCE) ** 2))


def _constant(task: Task) -> str | float:
    labels = task.train["label"]
    return float(labels.mean()) if task.is_regression else task.labels[int(labels.value_counts().idxmax())]


def _dev(task: Task) -> pd.DataFrame:
    return next(iter(task.dev.values()))
