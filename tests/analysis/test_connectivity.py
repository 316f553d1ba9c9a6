"""The line between two models, and the barriers on it."""

import pandas as pd
import pytest
import torch

from workbench.analysis.connectivity import barriers, loss_line
from workbench.analysis.loss import LossEvaluator
from workbench.errors import BadInput
from workbench.execution import prune
from workbench.runs import kept_stages, stage_weights


@pytest.fixture(scope="module")
def evaluator(finished_run):
    return LossEvaluator(finished_run)


def perturbed(weights, size):
    return {
        name: value + size * value.std() if value.is_floating_point() else value
        for name, value in weights.items()
    }


def test_the_ends_of_a_line_are_the_models_themselves(evaluator, finished_run):
    first = evaluator.final
    second = perturbed(first, 0.3)
    table = loss_line(evaluator, first, second)
    assert list(table.columns) == ["alpha", "split", "loss", "error"]
    assert len(table) == 22
    for alpha, weights in ((0.0, first), (1.0, second)):
        evaluator.load(weights)
        losses = evaluator.losses()
        for split in ("train", "dev"):
            row = table[(table["alpha"] == alpha) & (table["split"] == split)].iloc[0]
            assert (row["loss"], row["error"]) == pytest.approx(losses[split], rel=1e-5)
    accuracy = finished_run.results["dev"]["validation"]["accuracy"]
    assert table[(table["alpha"] == 0) & (table["split"] == "dev")]["error"].item() == pytest.approx(
        1 - accuracy
    )


def test_a_model_has_no_barrier_to_itself(evaluator):
    table = barriers(loss_line(evaluator, evaluator.final, evaluator.final))
    assert table["loss_barrier"].tolist() == pytest.approx([0, 0], abs=1e-6)
    assert table["error_barrier"].tolist() == pytest.approx([0, 0], abs=1e-9)
    assert table["stable"].tolist() == [True, True]


def curve(split, loss, error):
    alpha = [place / (len(loss) - 1) for place in range(len(loss))]
    return pd.DataFrame({"alpha": alpha, "split": split, "loss": loss, "error": error})


def test_barriers_of_known_curves():
    humped = curve("train", loss=[1.0, 1.0, 3.0, 1.0, 2.0], error=[0.1, 0.1, 0.4, 0.2, 0.3])
    bowl = curve("dev", loss=[2.0, 1.0, 0.5, 1.0, 2.0], error=[0.3, 0.2, 0.1, 0.2, 0.3])
    table = barriers(pd.concat([humped, bowl])).set_index("split")
    assert table["loss_barrier"].to_dict() == pytest.approx({"train": 1.5, "dev": 0.0})
    assert table["error_barrier"].to_dict() == pytest.approx({"train": 0.2, "dev": -0.1})
    assert table["stable"].to_dict() == {"train": False, "dev": True}


def test_a_regression_has_no_error_barrier():
    table = barriers(curve("dev", loss=[1.0, 2.0, 1.0], error=[float("nan")] * 3)).iloc[0]
    assert table["loss_barrier"] == 1
    assert pd.isna(table["error_barrier"])
    assert table["stable"] is None


def test_bad_lines_are_refused(evaluator):
    with pytest.raises(BadInput, match="10 points are too few"):
        loss_line(evaluator, evaluator.final, evaluator.final, points=10)
    other = {"strange": torch.zeros(2)}
    with pytest.raises(BadInput, match="weights of different models"):
        loss_line(evaluator, evaluator.final, other)


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
