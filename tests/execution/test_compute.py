"""How matrices are computed: what is recorded, what a resume keeps, what is refused, and what comes out."""

import json
import shutil
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import load_file

from tests.execution.resuming import outcome, stops_until_done
from tests.tiny import save_tiny_resnet
from tests.tiny_runs import tiny_randomized
from workbench.cli import main
from workbench.compute import BreakEven, QuickDropout, SparseLinear
from workbench.engines.acdc import ACDC
from workbench.engines.gmp import GMP
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.engines.movement import Movement
from workbench.engines.swamp import Swamp
from workbench.errors import BadInput, Stopped
from workbench.execution import computing, prune
from workbench.execution.computing import sparse_choice
from workbench.execution.environment import LONG_BATCHES_IN_PARTS, QUICK_DROPOUT
from workbench.masks import Mask
from workbench.models import prunable
from workbench.training import Distillation, MaskedTrainer, TrainingConfig

TINY = {"sparsity": 0.8, "epochs": 8.0, "lr": 1e-3, "eval_every": 3}
LOGITS = {"distillation": Distillation(mode="logits")}


def costs(overhead: float) -> BreakEven:
    """A dense layer costs its weights; a sparse one its kept weights and an overhead."""
    dense, sparse = (0.0, 1.0, 0.0), (overhead, 1.0, 0.0, 0.0)
    kinds = ("forward", "step")
    return BreakEven("float32", dict.fromkeys(kinds, dense), dict.fromkeys(kinds, sparse))


def measured(monkeypatch, overhead: float) -> None:
    monkeypatch.setattr(computing, "measured_break_even", lambda dtype: costs(overhead))


@pytest.fixture
def computed(monkeypatch):
    """Gathers the shapes of the layers that were computed as sparse ones in each optimizer step."""
    advance, shapes = MaskedTrainer.advance, []

    def watched(trainer, batch):
        layers = [module for module in trainer.model.modules() if isinstance(module, SparseLinear)]
        shapes.append([(layer.out_features, layer.in_features) for layer in layers])
        return advance(trainer, batch)

    monkeypatch.setattr(MaskedTrainer, "advance", watched)
    return shapes


@pytest.fixture
def interrupted(monkeypatch):
    """Carries a run out up to its last file."""

    def interrupt(*_):
        raise KeyboardInterrupt

    def prune_until_the_end(spec, store, compute):
        with monkeypatch.context() as patched:
            patched.setattr("workbench.execution.launch.write_results", interrupt)
            with pytest.raises(Stopped):
                prune(spec, store=store, compute=compute)

    return prune_until_the_end


def recorded(run):
    return json.loads(run.folder.environment.read_text())["compute"]


@pytest.mark.parametrize(
    "engine",
    [
        tiny_randomized(),
        Swamp(**TINY, levels=2, prune_share=None, particles=2, particles_from=0.0),
        GMP(**TINY | {"epochs": 10.0}),
        ACDC(
            **TINY | LOGITS | {"epochs": 16.0},
            dense_epochs=2.0,
            phase_epochs=2.0,
            last_dense_epochs=2.0,
            final_epochs=2.0,
        ),
    ],
    ids=lambda engine: engine.id,
)
def test_a_sparse_run_ends_the_same_however_often_it_is_killed(spec_of, tmp_path, monkeypatch, engine):
    assert stops_until_done(spec_of(engine), tmp_path, monkeypatch, every=9, compute="sparse") > 1


def test_sparse_is_recorded_and_used(spec_of, tmp_path, computed):
    run = prune(spec_of(IMP(**TINY | LOGITS, levels=2)), store=tmp_path, compute="sparse")
    assert recorded(run) == {"kind": "sparse"} == run.results["environment"]["compute"]
    under_a_mask = [level for level in run.results["levels"] if level["sparsity"]]
    steps = sum(level["cost"]["optimizer_steps"] for level in under_a_mask)
    assert sum(len(shapes) == 12 for shapes in computed) == steps > 0
    weights, mask = load_file(run.folder.model_weights), Mask.load(run.folder.mask("level-2"))
    for name in mask.names:
        assert torch.equal(weights[name] != 0, mask[name])


def test_sparse_and_dense_runs_differ_by_rounding(spec_of, tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.execution.stage_runner.QUICK_DROPOUT", "not done")
    spec = spec_of(tiny_randomized())
    runs = [prune(spec, store=tmp_path / compute, compute=compute) for compute in ("dense", "sparse")]
    assert [recorded(run)["kind"] for run in runs] == ["dense", "sparse"]
    assert runs[0].name == runs[1].name
    dense, sparse = ([e for e in run.events() if e["event"] == "train"] for run in runs)
    assert [event["stage"] for event in dense] == [event["stage"] for event in sparse]
    for left, right in zip(dense, sparse, strict=True):
        assert left["loss"] == pytest.approx(right["loss"], abs=0.02)
    left, right = (run.results for run in runs)
    assert left["validation"]["accuracy"] == pytest.approx(right["validation"]["accuracy"], abs=0.1)
    assert left["cost"]["total"]["flops"] == right["cost"]["total"]["flops"]
    assert left["sparsity"] == right["sparsity"]


def test_auto_decides_for_each_matrix_by_what_is_recorded(spec_of, tmp_path, monkeypatch, computed):
    measured(monkeypatch, overhead=2000.0)  # 64 x 32 has 2,048 weights, of which a fifth is kept
    run = prune(spec_of(Magnitude(**TINY | LOGITS)), store=tmp_path / "dear")
    record = recorded(run)
    assert record["kind"] == "auto"
    assert BreakEven.from_plain(record["costs"]) == costs(2000.0)
    assert 3 < record["length"] < 60
    assert set(map(tuple, computed)) == {()}
    computed.clear()
    measured(monkeypatch, overhead=1000.0)  # 32 x 32 has 1,024
    prune(spec_of(Magnitude(**TINY | LOGITS)), store=tmp_path / "cheap")
    assert set(map(tuple, computed)) == {(), ((64, 32), (32, 64)) * 2}


def test_tokens_are_the_mean_length_times_the_batch(monkeypatch):
    asked = []
    monkeypatch.setattr(BreakEven, "best", lambda self, *arguments: asked.append(arguments) or "sparse")
    record = {"kind": "auto", "length": 12.5, "costs": asdict(costs(0.0))}
    choose = sparse_choice(json.loads(json.dumps(record)), TrainingConfig(steps=1, lr=1e-3, batch_size=8))
    assert choose("w", (4, 4), 3)
    assert asked == [((4, 4), 3, 100)]


def test_a_resume_keeps_what_was_recorded(spec_of, tmp_path, interrupted, capsys):
    spec = spec_of(Magnitude(**TINY | LOGITS))
    whole = outcome(prune(spec, store=tmp_path / "whole", compute="dense"))
    interrupted(spec, tmp_path / "broken", "dense")
    assert outcome(prune(spec, store=tmp_path / "broken", compute="sparse")) == whole
    assert "was started with compute=dense, and keeps it" in capsys.readouterr().err


def test_a_run_of_an_earlier_version_goes_on_dense(spec_of, tmp_path, interrupted, computed):
    spec = spec_of(IMP(**TINY | LOGITS, levels=2))
    interrupted(spec, tmp_path, "sparse")
    assert any(computed)
    environment = tmp_path / spec.name / "environment.json"
    facts = json.loads(environment.read_text())
    del facts["compute"]
    environment.write_text(json.dumps(facts))
    (tmp_path / spec.name / "stages" / "level-2" / "done.json").unlink()
    computed.clear()
    prune(spec, store=tmp_path)
    assert computed
    assert not any(computed)


def test_dropout_is_quick_where_a_run_may_be_sparse_and_was_started_so(
    spec_of, tmp_path, monkeypatch, interrupted
):
    monkeypatch.setattr(computing, "supported", lambda: True)
    measured(monkeypatch, overhead=2000.0)
    quick, draw = [], QuickDropout._dropout
    monkeypatch.setattr(QuickDropout, "_dropout", lambda *a, **k: quick.append(1) or draw(*a, **k))
    spec, found = spec_of(Magnitude(**TINY | LOGITS | {"epochs": 2.0})), {}
    for compute in ("dense", "auto", "sparse"):
        interrupted(spec, tmp_path / compute, compute)
        found[compute] = bool(quick)
        quick.clear()
    assert found == {"dense": False, "auto": True, "sparse": True}
    folder = tmp_path / "sparse" / spec.name
    environment = json.loads((folder / "environment.json").read_text())
    environment["practices"].remove(QUICK_DROPOUT)
    (folder / "environment.json").write_text(json.dumps(environment))
    (folder / "stages" / "level-1" / "done.json").unlink()
    prune(spec, store=tmp_path / "sparse")
    assert not quick


def test_a_run_that_was_started_without_parts_is_resumed_without_them(spec_of, tmp_path, monkeypatch):
    rooms = []
    monkeypatch.setattr("workbench.training.trainer.activation_room", lambda model: rooms.append(1) or 1e9)
    run = prune(spec_of(Magnitude(**TINY)), store=tmp_path)
    assert len(rooms) == 2  # the dense model's training and the level's
    environment = run.environment
    environment["practices"].remove(LONG_BATCHES_IN_PARTS)
    (run.path / "environment.json").write_text(json.dumps(environment))
    (run.path / "stages" / "level-1" / "done.json").unlink()
    (run.path / "results.json").unlink()
    shutil.rmtree(tmp_path / "shared")
    prune(spec_of(Magnitude(**TINY)), store=tmp_path)
    assert len(rooms) == 2


def test_movement_is_dense_in_any_case(spec_of, tmp_path, computed):
    run = prune(spec_of(Movement(**TINY | {"epochs": 16.0})), store=tmp_path, compute="sparse")
    assert not any(computed)
    assert run.results["sparsity"] == pytest.approx(0.8, abs=0.01)


def test_what_is_impossible_is_refused_before_any_work(spec_of, tmp_path, monkeypatch):
    spec = spec_of(Magnitude(**TINY))
    with pytest.raises(BadInput, match=r"unknown compute 'spares'\. Did you mean sparse"):
        prune(spec, store=tmp_path, compute="spares")
    with monkeypatch.context() as patched:
        patched.setattr(computing, "device", lambda: torch.device("cuda", 0))
        with pytest.raises(BadInput, match=r"compute=sparse is impossible here: .*on a CPU.*cuda:0"):
            prune(spec, store=tmp_path, compute="sparse")
    with monkeypatch.context() as patched:
        patched.setattr(computing, "supported", lambda: False)
        with pytest.raises(BadInput, match=r"do not work on this processor\. Use auto or dense"):
            prune(spec, store=tmp_path, compute="sparse")
    resnet = str(save_tiny_resnet(tmp_path / "resnet"))
    images = spec_of(Magnitude(**TINY | LOGITS), task="vision/digits", model=resnet)
    with pytest.raises(BadInput, match=r"support linear layers, and .* belongs to a Conv2d"):
        prune(images, tmp_path, compute="sparse")
    assert not list(tmp_path.glob("*/environment.json"))


def test_auto_without_kernels_is_dense(spec_of, tmp_path, monkeypatch):
    monkeypatch.setattr(computing, "supported", lambda: False)
    assert recorded(prune(spec_of(Magnitude(**TINY | LOGITS)), store=tmp_path)) == {"kind": "dense"}


def test_the_shell_takes_it(spec_of, tmp_path, capsys):
    spec = spec_of(Magnitude(**TINY | LOGITS))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(spec.to_yaml())
    command = ["prune", "--recipe", str(recipe), "--store", str(tmp_path), "--compute"]
    assert main([*command, "quick"]) == 2
    assert "unknown compute 'quick'" in capsys.readouterr().err
    assert main([*command, "sparse"]) == 0
    environment = json.loads((tmp_path / spec.name / "environment.json").read_text())
    assert environment["compute"] == {"kind": "sparse"}


def test_a_failed_stage_leaves_the_student_dense(spec_of, tmp_path, monkeypatch):
    close, advance, dense = MaskedTrainer.close, MaskedTrainer.advance, []

    def noted(trainer):
        close(trainer)
        dense.append(len(prunable(trainer.model)))

    def fails(trainer, batch):
        if trainer.sparsifier.mask is not None:
            raise RuntimeError("broken")
        return advance(trainer, batch)

    monkeypatch.setattr(MaskedTrainer, "close", noted)
    monkeypatch.setattr(MaskedTrainer, "advance", fails)
    with pytest.raises(RuntimeError, match="broken"):
        prune(spec_of(Magnitude(**TINY | LOGITS)), store=tmp_path, compute="sparse")
    assert dense == [12]
