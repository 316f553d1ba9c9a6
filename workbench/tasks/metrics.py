"""The metrics of tasks, among them GLUE's (arXiv:1804.07461, section 3), from scikit-learn and SciPy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy

from workbench.errors import BadInput, Stopped, unknown

Kind = Literal["two classes", "classes", "numbers"]


@dataclass(frozen=True)
class Metric:
    """A metric; higher is better, and 1 is the maximum.

    Attributes:
        compute: computes the value from labels (n,) and predictions (n,).
        title: the name for readers, with the unit in parentheses.
        hub_name: the name on the Hub, for model cards.
        kind: the labels that it fits; those for two classes are about class 1.
    """

    compute: Callable[[np.ndarray, np.ndarray], float]
    title: str
    hub_name: str
    kind: Kind = "classes"

    def fits(self, classes: int) -> bool:
        """Whether it fits a task with a number of classes, 0 for regression."""
        if self.kind == "numbers":
            return classes == 0
        return classes == 2 or (self.kind == "classes" and classes > 2)


def score(names: Sequence[str], logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Computes metrics of a model's outputs.

    Args:
        names: keys of `METRICS`.
        logits: (n, classes), whose largest entry is the prediction, or (n, 1) for regression.
        labels: (n,) class numbers or targets.

    Returns:
        Values by name, in the order of `names`. A correlation with constant predictions is undefined; here it
        is 0.0, the convention for the Matthews correlation.

    Raises:
        BadInput: a name is not a metric.
        Stopped: an output is NaN or infinite.
    """
    logits, labels = np.asarray(logits), np.asarray(labels)
    if not np.isfinite(logits).all():
        raise Stopped(
            f"{int((~np.isfinite(logits)).sum())} of {logits.size} model outputs are NaN or infinite and "
            "cannot be scored. The weights have diverged: start again with a lower learning rate."
        )
    predictions = logits[:, 0] if logits.shape[1] == 1 else logits.argmax(axis=1)
    for name in names:
        if name not in METRICS:
            raise unknown("metric", name, METRICS)
    return {name: float(METRICS[name].compute(labels, predictions)) for name in names}


def check_metrics(names: Sequence[str], classes: int) -> None:
    """Refuses metrics that do not fit a task.

    Args:
        names: of metrics.
        classes: of the task; 0 for regression.

    Raises:
        BadInput: a name is not a metric, occurs twice, or is one for other labels.
    """
    if len(set(names)) < len(names):
        raise BadInput(f"metrics is {list(names)}; name each metric once.")
    fitting = [name for name, metric in METRICS.items() if metric.fits(classes)]
    for name in names:
        if name not in METRICS:
            raise unknown("metric", name, fitting)
        if name not in fitting:
            labels = f"{classes} classes" if classes else "labels that are numbers"
            raise BadInput(
                f"metric {name} is for {METRICS[name].kind}, and the task has {labels}. These fit: "
                f"{', '.join(fitting)}."
            )


def _sklearn(function: str, **options: str | float) -> Callable[[np.ndarray, np.ndarray], float]:
    def metric(labels: np.ndarray, predictions: np.ndarray) -> float:
        # Imported when used: it takes a second, which processes that score nothing do not have to wait.
        from sklearn import metrics

        return getattr(metrics, function)(labels, predictions, **options)

    return metric


def _balanced_accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    from sklearn.metrics import recall_score

    # scikit-learn's own function warns about predicted classes that no label has.
    return recall_score(labels, predictions, average="macro", labels=np.unique(labels), zero_division=0.0)


def _kappa(labels: np.ndarray, predictions: np.ndarray) -> float:
    constant = len(np.union1d(labels, predictions)) == 1
    return 0.0 if constant else _sklearn("cohen_kappa_score")(labels, predictions)


def _r2(labels: np.ndarray, predictions: np.ndarray) -> float:
    return _sklearn("r2_score")(labels.astype(np.float64), predictions.astype(np.float64))


def _correlation(coefficient: str) -> Callable[[np.ndarray, np.ndarray], float]:
    def metric(labels: np.ndarray, predictions: np.ndarray) -> float:
        # Convert to float64 first: in float32 the variance of nearly equal predictions can become zero.
        labels, predictions = labels.astype(np.float64), predictions.astype(np.float64)
        if np.ptp(labels) == 0 or np.ptp(predictions) == 0:
            return 0.0
        return getattr(scipy.stats, coefficient)(labels, predictions).statistic

    return metric


METRICS: dict[str, Metric] = {
    "matthews": Metric(
        _sklearn("matthews_corrcoef"), "Matthews correlation (-1 to 1)", "matthews_correlation"
    ),
    "accuracy": Metric(_sklearn("accuracy_score"), "accuracy (share of examples)", "accuracy"),
    "balanced_accuracy": Metric(
        _balanced_accuracy, "balanced accuracy (mean share per class)", "balanced_accuracy"
    ),
    "f1": Metric(_sklearn("f1_score", zero_division=0.0), "F1 (0 to 1)", "f1", "two classes"),
    "macro_f1": Metric(
        _sklearn("f1_score", average="macro", zero_division=0.0),
        "F1, mean of the classes (0 to 1)",
        "f1",
    ),
    "weighted_f1": Metric(
        _sklearn("f1_score", average="weighted", zero_division=0.0),
        "F1, mean of the examples (0 to 1)",
        "f1",
    ),
    "precision": Metric(
        _sklearn("precision_score", zero_division=0.0),
        "precision (0 to 1)",
        "precision",
        "two classes",
    ),
    "recall": Metric(_sklearn("recall_score", zero_division=0.0), "recall (0 to 1)", "recall", "two classes"),
    "kappa": Metric(_kappa, "Cohen's kappa (-1 to 1)", "cohen_kappa"),
    "pearson": Metric(_correlation("pearsonr"), "Pearson correlation (-1 to 1)", "pearsonr", "numbers"),
    "spearman": Metric(_correlation("spearmanr"), "Spearman correlation (-1 to 1)", "spearmanr", "numbers"),
    "kendall": Metric(_correlation("kendalltau"), "Kendall correlation (-1 to 1)", "kendalltau", "numbers"),
    "r2": Metric(_r2, "R² (share of the variance)", "r_squared", "numbers"),
}
