"""The official metrics of GLUE (arXiv:1804.07461, section 3), computed with scikit-learn and SciPy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from workbench.errors import Stopped, unknown


@dataclass(frozen=True)
class Metric:
    """A metric; higher is better, and 1 is the maximum.

    Attributes:
        compute: computes the value from labels (n,) and predictions (n,).
        title: the name for readers, with the unit in parentheses.
        hub_name: the name on the Hub, for model cards.
    """

    compute: Callable[[np.ndarray, np.ndarray], float]
    title: str
    hub_name: str


def score(names: Sequence[str], logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Computes metrics of a model's outputs.

    Args:
        names: any of "matthews", "accuracy", "f1" (of class 1), "pearson", "spearman".
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


def _correlation(coefficient: Callable) -> Callable[[np.ndarray, np.ndarray], float]:
    def metric(labels: np.ndarray, predictions: np.ndarray) -> float:
        # Convert to float64 first: in float32 the variance of nearly equal predictions can become zero.
        labels, predictions = labels.astype(np.float64), predictions.astype(np.float64)
        if np.ptp(labels) == 0 or np.ptp(predictions) == 0:
            return 0.0
        return coefficient(labels, predictions).statistic

    return metric


METRICS: dict[str, Metric] = {
    "matthews": Metric(matthews_corrcoef, "Matthews correlation (-1 to 1)", "matthews_correlation"),
    "accuracy": Metric(accuracy_score, "accuracy (share of examples)", "accuracy"),
    "f1": Metric(partial(f1_score, zero_division=0.0), "F1 (0 to 1)", "f1"),
    "pearson": Metric(_correlation(stats.pearsonr), "Pearson correlation (-1 to 1)", "pearsonr"),
    "spearman": Metric(_correlation(stats.spearmanr), "Spearman correlation (-1 to 1)", "spearmanr"),
}
