import numpy as np
import pytest

from workbench.errors import BadInput, Stopped
from workbench.tasks.metrics import check_metrics, score

ALL = ("matthews", "accuracy", "f1")


def one_hot(classes, width=2):
    return np.eye(width, dtype=np.float32)[classes]


def test_class_metrics_match_a_confusion_table_by_hand():
    # 3 true positives, 1 false positive, 2 false negatives, 4 true negatives.
    labels = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0])
    predicted = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    values = score(ALL, one_hot(predicted), labels)
    assert values["accuracy"] == 0.7
    assert values["f1"] == pytest.approx(2 * 3 / (2 * 3 + 1 + 2))
    assert values["matthews"] == pytest.approx((3 * 4 - 1 * 2) / np.sqrt(4 * 5 * 6 * 5))
    assert list(values) == list(ALL)
    assert all(type(value) is float for value in values.values())


def test_accuracy_works_for_three_classes():
    assert score(("accuracy",), one_hot([0, 1, 2, 2], 3), np.array([0, 1, 2, 0])) == {"accuracy": 0.75}


@pytest.mark.parametrize("constant", [0, 1])
def test_a_constant_prediction_has_zero_correlation(constant):
    values = score(ALL, one_hot([constant] * 4), np.array([0, 1, 1, 1]))
    assert values["matthews"] == 0.0
    assert values["f1"] == (0.0 if constant == 0 else pytest.approx(6 / 7))


def test_correlations_of_values_and_ranks_are_computed():
    labels = np.array([0.0, 1.0, 2.0, 3.0], dtype=np.float32)
    logits = np.array([[0.0], [1.0], [4.0], [9.0]], dtype=np.float32)
    values = score(("pearson", "spearman"), logits, labels)
    assert values["spearman"] == pytest.approx(1.0)
    assert values["pearson"] == pytest.approx(np.corrcoef(labels, logits[:, 0])[0, 1])


@pytest.mark.filterwarnings("error")
def test_constant_predictions_or_targets_have_zero_correlation():
    varied, constant = np.arange(4, dtype=np.float32), np.full(4, 2.5, dtype=np.float32)
    for predictions, labels in ((constant, varied), (varied, constant)):
        assert score(("pearson", "spearman"), predictions[:, None], labels) == {"pearson": 0, "spearman": 0}


def test_outputs_that_are_not_finite_are_not_scored():
    with pytest.raises(Stopped, match=r"1 of 4 .*learning rate"):
        score(("accuracy",), np.array([[0.0, np.nan], [1.0, 2.0]]), np.array([0, 1]))


def test_an_unknown_metric_is_rejected():
    with pytest.raises(BadInput, match="Did you mean accuracy"):
        score(("acuracy",), one_hot([0]), np.array([0]))


def test_further_metrics_of_classes_match_a_confusion_table_by_hand():
    # Rows are labels, columns predictions: [[2, 1, 0], [0, 1, 1], [1, 0, 2]].
    labels, predicted = np.array([0, 0, 0, 1, 1, 2, 2, 2]), [0, 0, 1, 1, 2, 0, 2, 2]
    names = ("balanced_accuracy", "macro_f1", "weighted_f1", "kappa")
    values = score(names, one_hot(predicted, 3), labels)
    f1 = np.array([4 / 6, 2 / 4, 4 / 6])
    assert values["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2 + 2 / 3) / 3)
    assert values["macro_f1"] == pytest.approx(f1.mean())
    assert values["weighted_f1"] == pytest.approx((f1 * [3, 2, 3]).sum() / 8)
    chance = (3 * 3 + 2 * 2 + 3 * 3) / 64
    assert values["kappa"] == pytest.approx((5 / 8 - chance) / (1 - chance))
    assert score(("precision", "recall"), one_hot([1, 1, 0, 0]), np.array([1, 0, 1, 1])) == {
        "precision": 0.5,
        "recall": pytest.approx(1 / 3),
    }


def test_further_metrics_of_numbers_match_their_formulas():
    labels, logits = np.array([0.0, 1.0, 2.0, 3.0], dtype=np.float32), np.array([[0.0], [2.0], [1.0], [3.0]])
    assert score(("kendall", "r2"), logits, labels) == {
        "kendall": pytest.approx((5 - 1) / 6),
        "r2": pytest.approx(1 - 2 / 5),
    }


@pytest.mark.filterwarnings("error")
def test_a_constant_prediction_is_scored_without_a_warning():
    names = ["balanced_accuracy", "macro_f1", "weighted_f1", "precision", "recall", "kappa"]
    values = score(names, one_hot([0] * 4), np.array([0, 1, 1, 1]))
    assert (values["balanced_accuracy"], values["kappa"], values["precision"]) == (0.5, 0.0, 0.0)
    assert score(["kappa"], one_hot([0] * 4), np.zeros(4, dtype=int)) == {"kappa": 0.0}
    assert score(["balanced_accuracy"], one_hot([0, 1]), np.array([0, 0])) == {"balanced_accuracy": 0.5}


def test_only_metrics_that_fit_the_labels_are_accepted():
    for names, classes in ((ALL, 2), (("accuracy", "macro_f1"), 3), (("pearson", "r2"), 0)):
        check_metrics(names, classes)
    for names, classes in ((("f1",), 3), (("accuracy",), 0), (("r2",), 2), (("accuracy", "accuracy"), 2)):
        with pytest.raises(BadInput):
            check_metrics(names, classes)
