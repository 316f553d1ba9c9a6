import numpy as np
import pytest
import torch

from workbench.execution import prune
from workbench.training.diagnostics import mean_loss, output_entropy


def test_entropy_of_certain_even_and_mixed_outputs():
    assert output_entropy(np.array([[1000.0, 0.0]], np.float32)) == 0
    assert output_entropy(np.zeros((5, 3), np.float32)) == pytest.approx(np.log(3))
    mixed = np.array([[0.0, 0.0], [np.log(3.0), 0.0]], np.float32)
    quarter = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert output_entropy(mixed) == pytest.approx((np.log(2) + quarter) / 2)


def test_a_regression_has_no_entropy_and_a_squared_error():
    scores = np.array([[1.0], [4.0]], np.float32)
    assert output_entropy(scores) is None
    assert mean_loss(scores, np.array([1.0, 2.0], np.float32)) == 2.0


def test_classes_have_the_cross_entropy():
    logits = np.array([[2.0, -1.0], [0.5, 0.0]], np.float32)
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.tensor([0, 1]))
    assert mean_loss(logits, np.array([0, 1])) == pytest.approx(expected.item())


def test_evaluations_outside_races_tell_loss_and_entropies(spec_of, tmp_path):
    run = prune(spec_of(), tmp_path)
    evaluations = [event for event in run.events() if event["event"] == "evaluation"]
    trained = [event for event in evaluations if "/race/" not in event["stage"]]
    raced = [event for event in evaluations if "/race/" in event["stage"]]
    assert trained
    assert raced
    for event in trained:
        assert 0 < event["train_loss"] < 3
        assert 0 < event["train_entropy"] <= np.log(2)
        assert 0 < event["validation_entropy"] <= np.log(2)
    assert all("train_loss" not in event and "validation_entropy" in event for event in raced)
