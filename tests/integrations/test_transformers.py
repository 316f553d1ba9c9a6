import os
import socket
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from tests.integrations.training import revived, tiny_mask, tiny_model, tiny_trainer
from workbench.errors import BadInput, Failed
from workbench.integrations.transformers import KeepMask
from workbench.masks import Mask

SETTINGS = {
    "plain": {},
    "bf16": {"bf16": True},
    "accumulation": {"gradient_accumulation_steps": 3},
    "best model": {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 4},
    "momentum": {"optim": "sgd", "optim_args": "momentum=0.9"},
}


@pytest.fixture
def model(tiny_model_dir):
    return tiny_model(tiny_model_dir)


@pytest.mark.parametrize("changes", SETTINGS.values(), ids=SETTINGS)
def test_no_pruned_weight_revives_in_training_nor_in_its_checkpoints(model, tmp_path, changes):
    mask = tiny_mask(model)
    trained = "bert.encoder.layer.0.output.dense.weight"
    before = model.get_parameter(trained).detach().clone()
    tiny_trainer(model, tmp_path, [KeepMask(mask)], **changes).train()
    assert revived(mask, model) == 0
    moved = (model.get_parameter(trained) != before)[mask[trained]]
    assert moved.float().mean() > 0.99, "the kept weights are trained"
    checkpoints = sorted(tmp_path.glob("checkpoint-*"))
    assert len(checkpoints) == 3
    for checkpoint in checkpoints:
        assert revived(mask, load_file(checkpoint / "model.safetensors")) == 0
        assert Mask.load(checkpoint / "mask.safetensors") == mask


def test_without_the_callback_pruned_weights_revive(model, tmp_path):
    mask = tiny_mask(model)
    mask.apply_(model)
    tiny_trainer(model, tmp_path, []).train()
    assert revived(mask, model) > 0.99 * (mask.numel - mask.kept)


def test_a_resumed_training_keeps_the_mask_and_ends_with_the_same_bits(tiny_model_dir, tmp_path):
    whole, resumed = tiny_model(tiny_model_dir), tiny_model(tiny_model_dir)
    mask = tiny_mask(whole)
    tiny_trainer(whole, tmp_path, [KeepMask(mask)]).train()
    trainer = tiny_trainer(resumed, tmp_path, [KeepMask(tmp_path / "checkpoint-4" / "mask.safetensors")])
    trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
    assert revived(mask, resumed) == 0
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_a_dense_checkpoint_is_pruned_when_training_resumes_from_it(model, tmp_path):
    mask = tiny_mask(model)
    tiny_trainer(model, tmp_path, []).train()
    trainer = tiny_trainer(model, tmp_path, [KeepMask(mask)])
    trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-8"))
    assert revived(mask, model) == 0


def test_a_resume_with_another_mask_is_refused(model, tmp_path):
    mask = tiny_mask(model)
    tiny_trainer(model, tmp_path, [KeepMask(mask)]).train()
    trainer = tiny_trainer(model, tmp_path, [KeepMask(~mask)])
    with pytest.raises(BadInput, match="is another mask"):
        trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-8"))


def test_a_weight_that_somebody_else_revives_is_counted(model, tmp_path):
    mask = tiny_mask(model)

    class Meddler(TrainerCallback):
        def on_step_end(self, args, state, control, model, **more):
            model.bert.encoder.layer[1].output.dense.weight.data.fill_(1.0)

    trainer = tiny_trainer(model, tmp_path, [KeepMask(mask), Meddler()], save_strategy="no", max_steps=1)
    with pytest.raises(Failed, match=r"1\.output\.dense\.weight: something changed them"):
        trainer.train()


def test_a_mask_of_another_model_is_refused_when_the_trainer_is_made(model, tmp_path):
    other = Mask.from_tensors({"encoder.weight": torch.ones(3, 3, dtype=torch.bool)})
    with pytest.raises(BadInput, match="a mask of another model"):
        tiny_trainer(model, tmp_path, [KeepMask(other)])


@pytest.mark.parametrize(
    ("strategy", "reason"), [("fsdp", "pieces of the matrices"), ("deepspeed", "copies")]
)
def test_a_sharded_training_is_refused_with_the_reason(model, tmp_path, strategy, reason):
    trainer = tiny_trainer(model, tmp_path, [])
    setattr(trainer.args, strategy, True)
    with pytest.raises(BadInput, match=reason):
        KeepMask(tiny_mask(model)).on_init_end(trainer.args, trainer.state, trainer.control, model=model)


def test_two_processes_keep_the_mask_and_agree(root, tiny_model_dir, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "tests.integrations.training", str(tiny_model_dir), str(tmp_path)]
    processes = [
        subprocess.Popen(
            command,
            cwd=root,
            env=os.environ | group | {"RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    first, second = (out.splitlines()[-1].split() for out, _ in outputs)
    assert first == second
    assert first[:2] == ["revived", "0"]
    mask = Mask.load(tmp_path / "checkpoint-4" / "mask.safetensors")
    assert revived(mask, load_file(tmp_path / "checkpoint-4" / "model.safetensors")) == 0
