from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from torch import nn

from workbench.analysis.connectivity import barriers, loss_line
from workbench.analysis.hessian import hessian_trace
from workbench.analysis.loss import LossEvaluator
from workbench.errors import BadInput
from workbench.execution import prune
from workbench.runs import kept_stages, stage_weights


@pytest.fixture(scope="module")
def basis(finished_run):
    return LossEvaluator(finished_run)


def perturbed(weights, size):
    return {
        name: value + size * value.std() if value.is_floating_point() else value
        for name, value in weights.items()
    }


def test_the_ends_of_a_line_are_the_models_themselves(basis, finished_run):
    first = basis.final
    second = perturbed(first, 0.3)
    table = loss_line(basis, first, second)
    assert list(table.columns) == ["alpha", "split", "loss", "error"]
    assert len(table) == 22
    for end, weights in ((0.0, first), (1.0, second)):
        basis.load(weights)
        losses = basis.losses()
        for split in ("train", "dev"):
            row = table[(table["alpha"] == end) & (table["split"] == split)].iloc[0]
            assert (row["loss"], row["error"]) == pytest.approx(losses[split], rel=1e-5)
    accuracy = finished_run.results["dev"]["validation"]["accuracy"]
    assert table[(table["alpha"] == 0) & (table["split"] == "dev")]["error"].item() == pytest.approx(
        1 - accuracy
    )


def test_a_model_has_no_barrier_to_itself(basis):
    found = barriers(line(basis, basis.final, basis.final))
    assert found["loss_barrier"].tolist() == pytest.approx([0, 0], abs=1e-6)
    assert found["error_barrier"].tolist() == pytest.approx([0, 0], abs=1e-9)
    assert found["stable"].tolist() == [True, True]


def curve(split, loss, error):
    alpha = [place / (len(loss) - 1) for place in range(len(loss))]
    return pd.DataFrame({"alpha": alpha, "split": split, "loss": loss, "error": error})


def test_barriers_of_known_curves():
    humped = curve("train", loss=[1.0, 1.0, 3.0, 1.0, 2.0], error=[0.1, 0.1, 0.4, 0.2, 0.3])
    bowl = curve("dev", loss=[2.0, 1.0, 0.5, 1.0, 2.0], error=[0.3, 0.2, 0.1, 0.2, 0.3])
    found = barriers(pd.concat([humped, bowl])).set_index("split")
    assert found["loss_barrier"].to_dict() == pytest.approx({"train": 1.5, "dev": 0.0})
    assert found["error_barrier"].to_dict() == pytest.approx({"train": 0.2, "dev": -0.1})
    assert found["stable"].to_dict() == {"train": False, "dev": True}


def test_a_regression_has_no_error_barrier():
    found = barriers(curve("dev", loss=[1.0, 2.0, 1.0], error=[float("nan")] * 3)).iloc[0]
    assert found["loss_barrier"] == 1
    assert pd.isna(found["error_barrier"])
    assert found["stable"] is None


def test_bad_lines_are_refused(basis):
    with pytest.raises(BadInput, match="10 points are too few"):
        loss_line(basis, basis.final, basis.final, points=10)
    other = {"strange": torch.zeros(2)}
    with pytest.raises(BadInput, match="weights of different models"):
        loss_line(basis, basis.final, other)


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


def test_the_trace_of_a_classifier_repeats_and_counts_the_weights_that_are_left(basis, finished_run):
    estimate = hessian_trace(basis, basis.final, probes=2)
    assert estimate == hessian_trace(basis, basis.final, probes=2)
    assert estimate.weights <= finished_run.mask().kept
    assert estimate.value != hessian_trace(basis, basis.final, probes=2, seed=1).value


def test_weights_of_levels_are_kept_on_request(spec_of, tmp_path, finished_run):
    run = prune(spec_of(), tmp_path, keep_weights=True)
    assert {"level-1", "level-2"} <= set(kept_stages(run.folder))
    last = stage_weights(run.folder, "level-2")
    final = LossEvaluator(run).final
    assert all(torch.equal(last[name], value) for name, value in final.items() if name in last)
    assert not any(name.startswith("exp_avg") for name in last)
    table = loss_line(LossEvaluator(run), stage_weights(run.folder, "level-1"), last)
    assert table["loss"].notna().all()
    with pytest.raises(BadInput, match="--keep-weights"):
        stage_weights(finished_run.folder, "level-1")
