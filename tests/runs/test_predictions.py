import numpy as np
import pytest

from workbench.errors import BadInput
from workbench.runs import RunFolder
from workbench.runs.predictions import Predictions, read_predictions, write_predictions


def test_predictions_come_back_by_split_bit_for_bit(tmp_path):
    splits = {
        "validation_matched": Predictions(np.eye(3, dtype=np.float32), np.array([0, 2, 1])),
        "validation": Predictions(np.array([[0.1], [2.5]], np.float32), np.array([0.5, 3.0], np.float32)),
    }
    write_predictions(RunFolder(tmp_path), splits)
    found = read_predictions(RunFolder(tmp_path))
    assert found.keys() == splits.keys()
    for name, split in splits.items():
        assert (found[name].logits == split.logits).all()
        assert (found[name].labels == split.labels).all()
        assert found[name].labels.dtype == split.labels.dtype


def test_a_run_that_kept_none_has_none_and_a_damaged_file_is_refused(tmp_path):
    assert read_predictions(RunFolder(tmp_path)) == {}
    (tmp_path / "predictions.safetensors").write_bytes(b"nonsense")
    with pytest.raises(BadInput, match="damaged"):
        read_predictions(RunFolder(tmp_path))


def test_a_run_keeps_the_predictions_that_its_dev_scores_come_from(finished_run):
    found = read_predictions(finished_run.folder)
    for split, metrics in finished_run.results["dev"].items():
        right = found[split].logits.argmax(1) == found[split].labels
        assert right.mean() == pytest.approx(metrics["accuracy"])
        assert len(right) == finished_run.results["examples"][f"dev/{split}"]
