"""The trace of the Hessian: exact for a known one, repeatable for a classifier."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from workbench.analysis.hessian import hessian_trace
from workbench.analysis.loss import LossEvaluator
from workbench.errors import BadInput


class Quadratic(nn.Module):
    """A regression whose Hessian is known: 2/n sum x x^T."""

    def __init__(self):
        super().__init__()
        layer = nn.ModuleDict({"dense": nn.Linear(3, 1, bias=False)})
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList([layer])})

    def forward(self, x):
        return SimpleNamespace(logits=self.encoder["layer"][0]["dense"](x))


def test_the_trace_of_a_quadratic_is_exact_where_its_hessian_is_diagonal():
    model = Quadratic()
    x = torch.diag(torch.tensor([1.0, 2.0, 3.0]))
    batches = [
        {"x": x[:2], "labels": torch.zeros(2)},
        {"x": x[2:], "labels": torch.zeros(1)},
    ]

    class Toy:
        train = range(3)

        def load(self, weights):
            model.load_state_dict(weights)
            return model

        def train_batches(self):
            return (dict(batch) for batch in batches)

    weights = {name: torch.ones_like(value) for name, value in model.state_dict().items()}
    trace = hessian_trace(Toy(), weights, probes=3)
    assert trace.value == pytest.approx(2 / 3 * (1 + 4 + 9))
    assert trace.standard_error == pytest.approx(0, abs=1e-5)
    assert trace.weights == 3
    for value in weights.values():
        value[0, 2] = 0
    assert hessian_trace(Toy(), weights, probes=1).value == pytest.approx(2 / 3 * (1 + 4))
    with pytest.raises(BadInput, match="0 probes"):
        hessian_trace(Toy(), weights, probes=0)


def test_the_trace_of_a_classifier_repeats_and_counts_the_weights_that_remain(finished_run):
    evaluator = LossEvaluator(finished_run)
    estimate = hessian_trace(evaluator, evaluator.final, probes=2)
    assert estimate == hessian_trace(evaluator, evaluator.final, probes=2)
    assert estimate.weights <= finished_run.mask().kept
    assert estimate.value != hessian_trace(evaluator, evaluator.final, probes=2, seed=1).value
