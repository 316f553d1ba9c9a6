"""What a stage's files say after its process was killed, wherever that was."""

import pytest
import torch

from workbench.errors import BadInput
from workbench.runs.layout import RunFolder
from workbench.runs.records import Evaluation, Record
from workbench.runs.stage_folder import StageFolder
from workbench.runs.states import content_digest, read_tensors


def weights(value: float) -> dict[str, torch.Tensor]:
    return {"model.weight": torch.full((3,), value)}


@pytest.fixture
def stage(tmp_path):
    return StageFolder(RunFolder(tmp_path), "level-1")


@pytest.fixture
def record():
    return Record().evaluated(Evaluation(2, {"accuracy": 0.5}))


def left(stage: StageFolder) -> float:
    return read_tensors(stage.paths.state)[0]["model.weight"][0].item()


def test_the_stage_leaves_the_weights_of_its_best_step(stage, record):
    stage.save_best(2, weights(2.0), optimizer_steps=7)
    stage.save_best(4, weights(4.0), optimizer_steps=9)
    stage.finish(record, best=2)
    assert left(stage) == 2.0
    tensors, facts = read_tensors(stage.paths.state)
    assert facts == {"optimizer_steps": 7, "digest": content_digest(tensors)}
    assert stage.record == record
    assert not stage.paths.bests()


def test_a_checkpoint_comes_with_the_best_weights_before_it(stage, record):
    stage.save_best(2, weights(2.0), optimizer_steps=2)
    stage.save_checkpoint(weights(3.0), {"step": 3}, record, best=2)
    stage.save_best(4, weights(4.0), optimizer_steps=4)
    stage.drop_bests(keep=(4, 2))
    tensors, facts, resumed, best = stage.load_checkpoint()
    assert (facts["step"], resumed, best) == (3, record, 2)
    assert tensors["model.weight"].tolist() == [3.0] * 3
    stage.finish(resumed, best)
    assert left(stage) == 2.0


def test_a_process_that_was_killed_before_the_record_was_written_loses_nothing(stage, record):
    stage.save_best(2, weights(2.0), optimizer_steps=2)
    stage.save_checkpoint(weights(3.0), {"step": 3}, record, best=2)
    stage.paths.best(2).rename(stage.paths.state)
    *_, best = stage.load_checkpoint()
    stage.finish(record, best)
    assert left(stage) == 2.0


def test_missing_best_weights_are_named(stage, record):
    stage.save_checkpoint(weights(3.0), {"step": 3}, record, best=2)
    with pytest.raises(BadInput, match=r"best-2\.safetensors is missing\. Delete the folder .*level-1"):
        stage.load_checkpoint()


def test_tensors_are_read_when_they_are_asked_for(stage):
    stage.save_best(2, weights(2.0) | {"exp_avg.weight": torch.zeros(3)}, optimizer_steps=2)
    tensors, _ = read_tensors(stage.paths.best(2))
    assert list(tensors) == ["exp_avg.weight", "model.weight"]
    assert "model.weight" in tensors
    assert "model.bias" not in tensors
    assert tensors["model.weight"] is not tensors["model.weight"]
    with pytest.raises(KeyError):
        tensors["model.bias"]


def test_a_file_that_was_edited_is_refused_before_anything_is_read(stage):
    stage.save_best(2, weights(2.0), optimizer_steps=2)
    content = bytearray(stage.paths.best(2).read_bytes())
    content[-1] ^= 1
    stage.paths.best(2).write_bytes(content)
    with pytest.raises(BadInput, match="is damaged"):
        read_tensors(stage.paths.best(2))
