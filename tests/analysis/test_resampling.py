"""Metrics on bootstrap resamples are those of scikit-learn and SciPy on the same examples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.analysis import resampling
from workbench.errors import BadInput
from workbench.randomness import numpy_generator
from workbench.tasks.metrics import METRICS, score

FAST = [*resampling._CORRELATIONS, *resampling._COUNTED]


def outputs(metric, classes, seed, examples=40):
    draw = numpy_generator("outputs", seed)
    if METRICS[metric].kind == "numbers":
        # Rounded, so that there are ties.
        return draw.normal(size=examples).round(1).astype(np.float32), draw.normal(size=(examples, 1)).round(
            1
        )
    return draw.integers(classes, size=examples), draw.normal(size=(examples, classes))


def resampled(metric, labels, logits, task, resamples):
    return resampling.resampled_runs(metric, labels, [logits], task, resamples)[0]


@pytest.mark.parametrize("metric", FAST)
@pytest.mark.parametrize("classes", [2, 3])
@settings(deadline=None)  # the first call imports SciPy's statistics
@given(seed=st.integers(0, 10_000))
def test_each_value_is_the_metric_of_its_resample(metric, classes, seed):
    if metric == "f1":
        classes = 2
    labels, logits = outputs(metric, classes, seed)
    values = resampled(metric, labels, logits, "a/task", 7)
    (draws,) = resampling._draws("a/task", len(labels), 7)
    expected = [score([metric], logits[draw], labels[draw])[metric] for draw in draws]
    assert values == pytest.approx(expected)


@pytest.mark.parametrize("metric", sorted(METRICS.keys() - FAST))
def test_other_metrics_are_computed_one_resample_at_a_time(metric):
    labels, logits = outputs(metric, 2, 3)
    (draws,) = resampling._draws("a/task", len(labels), 7)
    expected = [score([metric], logits[draw], labels[draw])[metric] for draw in draws]
    assert resampled(metric, labels, logits, "a/task", 7).tolist() == expected


def test_constant_labels_or_predictions_give_the_values_of_the_metrics():
    labels, logits = np.zeros(5, np.int64), np.tile([1.0, 0.0], (5, 1))
    for metric, value in (("accuracy", 1), ("f1", 0), ("matthews", 0)):
        assert resampled(metric, labels, logits, "t", 3).tolist() == [value] * 3
    assert resampled("pearson", labels, logits[:, :1], "t", 3).tolist() == [0] * 3


@pytest.mark.parametrize("metric", FAST)
def test_runs_at_once_have_the_bits_of_each_alone(metric, monkeypatch):
    labels, first = outputs(metric, 3, 1)
    several = [first, *(outputs(metric, 3, seed)[1] for seed in (2, 3))]
    alone = [resampled(metric, labels, logits, "t", 50).tolist() for logits in several]
    assert resampling.resampled_runs(metric, labels, several, "t", 50).tolist() == alone
    monkeypatch.setattr(resampling, "_AT_ONCE", 100)
    assert resampling.resampled_runs(metric, labels, several, "t", 50).tolist() == alone


def test_resamples_depend_on_the_task_and_not_on_the_size_of_blocks(monkeypatch):
    labels, logits = outputs("accuracy", 3, 1)
    whole = resampled("accuracy", labels, logits, "t", 50)
    assert whole.tolist() == resampled("accuracy", labels, logits, "t", 50).tolist()
    assert whole.tolist() != resampled("accuracy", labels, logits, "u", 50).tolist()
    monkeypatch.setattr(resampling, "_AT_ONCE", 100)
    assert whole.tolist() == resampled("accuracy", labels, logits, "t", 50).tolist()


def test_an_unknown_metric_is_refused():
    with pytest.raises(BadInput, match="Did you mean accuracy"):
        resampled("acuracy", np.zeros(2, np.int64), np.zeros((2, 2)), "t", 2)
