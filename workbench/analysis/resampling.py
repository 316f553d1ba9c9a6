"""A metric on bootstrap resamples of the dev examples, the same resamples for every run of a task."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy

from workbench.errors import unknown
from workbench.randomness import numpy_generator
from workbench.tasks.metrics import METRICS

# Number of examples, over all resamples or all runs, that are processed at once.
_AT_ONCE = 2_000_000
# Whole numbers up to here are exact in float32.
_EXACT = 1 << 24


def resampled_runs(
    metric: str, labels: np.ndarray, logits: Sequence[np.ndarray], task: str, resamples: int
) -> np.ndarray:
    """The metric of runs on resamples of the examples, drawn with replacement.

    Args:
        metric: as in `tasks.metrics.score`.
        labels: (n,) class numbers or targets.
        logits: for each run (n, outputs); the prediction is the largest, or the value itself if there is only
            one output.
        task: determines the draws together with n, so that runs of one task share their resamples.
        resamples: how many, at least 1.

    Returns:
        float64 of shape (runs, resamples), each equal to `score` on that resample.
    """
    predictions = np.array([one[:, 0] if one.shape[1] == 1 else one.argmax(axis=1) for one in logits])
    if metric in _COUNTED:
        at_once = max(1, _AT_ONCE // max(len(labels), resamples))
        parts = [predictions[start : start + at_once] for start in range(0, len(predictions), at_once)]
        return np.concatenate([_COUNTED[metric].of(labels, part, task, resamples) for part in parts])
    if metric in _CORRELATIONS:
        correlation, first = _CORRELATIONS[metric], labels.astype(np.float64)
        blocks = [
            [correlation(first[draw], second[draw]) for second in predictions.astype(np.float64)]
            for draw in _draws(task, len(labels), resamples)
        ]
    elif metric in METRICS:
        compute = METRICS[metric].compute
        blocks = [
            [[compute(labels[row], second[row]) for row in draw] for second in predictions]
            for draw in _draws(task, len(labels), resamples)
        ]
    else:
        raise unknown("metric", metric, METRICS)
    return np.concatenate(blocks, axis=1)


def _draws(task: str, examples: int, resamples: int) -> Iterator[np.ndarray]:
    """Blocks of indices of shape (rows, examples), in total as many rows as resamples."""
    generator = numpy_generator("bootstrap", task, examples)
    rows = max(1, _AT_ONCE // examples)
    for start in range(0, resamples, rows):
        yield generator.integers(examples, size=(min(rows, resamples - start), examples))


def _times_drawn(task: str, examples: int, resamples: int) -> Iterator[np.ndarray]:
    """`_draws` as counts: how often each example is in each resample."""
    if examples * resamples <= _AT_ONCE:
        yield _few_times_drawn(task, examples, resamples)
        return
    for draw in _draws(task, examples, resamples):
        yield _times(draw)


@lru_cache(maxsize=8)
def _few_times_drawn(task: str, examples: int, resamples: int) -> np.ndarray:
    return np.concatenate([_times(draw) for draw in _draws(task, examples, resamples)])


def _times(draw: np.ndarray) -> np.ndarray:
    rows, examples = draw.shape
    places = draw + examples * np.arange(rows)[:, None]
    counts = np.bincount(places.ravel(), minlength=rows * examples).reshape(rows, examples)
    return counts.astype(np.float32 if examples < _EXACT else np.float64)


@dataclass(frozen=True)
class _Counted:
    """A metric that is a function of how many examples have some properties.

    Attributes:
        properties: from labels (n,) and predictions (runs, n), for each property whether examples have it:
            (runs, n), or (1, n) where it is the same for all runs.
        value: from the number of examples, and of those with each property (runs or 1, resamples), the metric
            (runs, resamples).
    """

    properties: Callable[[np.ndarray, np.ndarray], list[np.ndarray]]
    value: Callable[..., np.ndarray]

    def of(self, labels: np.ndarray, predictions: np.ndarray, task: str, resamples: int) -> np.ndarray:
        """The metric of runs on resamples (see `resampled_runs`)."""
        properties = self.properties(labels, predictions)
        ends = np.cumsum([len(having) for having in properties])
        having = np.concatenate(properties)
        # Counting is a product of whole numbers, which is exact.
        blocks = [
            having.astype(times.dtype) @ times.T for times in _times_drawn(task, len(labels), resamples)
        ]
        counts = np.concatenate(blocks, axis=1).astype(np.float64)
        return self.value(len(labels), *np.split(counts, ends[:-1]))


def _accuracy(total: int, right: np.ndarray) -> np.ndarray:
    return right / total


def _f1(total: int, hits: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return _ratio(2 * hits, true + predicted)


def _matthews(total: int, right: np.ndarray, *classes: np.ndarray) -> np.ndarray:
    """For any number of classes (Gorodkin 2004, R_K); 0 if labels or predictions are constant."""
    true, predicted = classes[: len(classes) // 2], classes[len(classes) // 2 :]
    both = sum(t * p for t, p in zip(true, predicted, strict=True))
    variances = (total**2 - sum(t**2 for t in true)) * (total**2 - sum(p**2 for p in predicted))
    return _ratio(right * total - both, np.sqrt(variances))


def _right(labels: np.ndarray, predictions: np.ndarray) -> list[np.ndarray]:
    return [predictions == labels]


def _of_class_one(labels: np.ndarray, predictions: np.ndarray) -> list[np.ndarray]:
    true, predicted = labels[None] == 1, predictions == 1
    return [true & predicted, true, predicted]


def _of_classes(labels: np.ndarray, predictions: np.ndarray) -> list[np.ndarray]:
    classes = range(max(int(labels.max()), int(predictions.max())) + 1)
    return [
        predictions == labels,
        *(labels[None] == number for number in classes),
        *(predictions == number for number in classes),
    ]


def _pearson(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    first = first - first.mean(axis=1, keepdims=True)
    second = second - second.mean(axis=1, keepdims=True)
    return _ratio((first * second).sum(axis=1), np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1)))


def _spearman(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return _pearson(scipy.stats.rankdata(first, axis=1), scipy.stats.rankdata(second, axis=1))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0)


_CORRELATIONS = {"pearson": _pearson, "spearman": _spearman}
_COUNTED = {
    "accuracy": _Counted(_right, _accuracy),
    "f1": _Counted(_of_class_one, _f1),
    "matthews": _Counted(_of_classes, _matthews),
}
