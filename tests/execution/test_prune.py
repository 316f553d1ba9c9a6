"""Whole runs on a tiny encoder: exact counts, honest splits, exact resumption."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file, save_file

from tests.execution.resuming import interrupted_at, outcome, stops_until_done
from tests.tiny_runs import tiny_randomized
from workbench import prune, runs
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput, Stopped
from workbench.execution import launch, preparation, stage_training
from workbench.masks import kept_count
from workbench.models import load_encoder, prunable
from workbench.runs import find_run, runs_in
from workbench.training import Distillation, MaskedTrainer

LOGITS = Distillation(mode="logits")
TINY = {"epochs": 6.0, "lr": 1e-3, "eval_every": 3, "distillation": LOGITS, "sparsity": 0.8}


def test_a_randomized_run_from_end_to_end(spec_of, tmp_path):
    spec = spec_of()
    run = prune(spec, store=tmp_path)
    assert run.path == tmp_path / spec.name
    assert [level["stage"] for level in run.results["levels"]] == ["level-1", "level-2"]

    weights = load_file(run.path / "model" / "model.safetensors")
    mask = run.mask()
    for name in mask.names:
        numel = weights[name].numel()
        assert mask.kept_per_matrix()[name] == kept_count(numel, 0.8)
        assert torch.count_nonzero(weights[name][~mask[name]]) == 0
    assert len(mask.names) == 12
    assert run.results["sparsity"] == pytest.approx(mask.sparsity, abs=1e-4)
    assert (mask & run.mask(level=1)) == mask, "the levels are nested"

    pool = run.candidates(level=2)
    assert [candidate.ratio for candidate in pool] == [5e-5, 1e-4, 8e-5]
    assert [candidate.chosen for candidate in pool].count(True) == 1
    best = max(pool, key=lambda candidate: (candidate.score, -candidate.loss))  # equal scores: the lower loss
    assert best.chosen
    assert best.mask == mask
    assert all((candidate.mask & run.mask(level=1)) == candidate.mask for candidate in pool)

    cost = run.results["cost"]
    steps_per_epoch = -(-run.results["examples"]["train"] // 64)
    level_0, level, race = (round(epochs * spec.scale * steps_per_epoch) for epochs in (3.0, 6.0, 3.0))
    # A race this short can afford two evaluations (`execution/proportion.py`).
    assert [[step for step, _ in candidate.curve] for candidate in pool] == [[race - 1, race]] * 3
    assert cost["training"]["optimizer_steps"] == level_0 + 2 * level
    assert cost["racing"]["optimizer_steps"] == 2 * 3 * race
    assert cost["total"]["optimizer_steps"] == level_0 + 2 * level + 6 * race
    assert not list((run.path / "stages").rglob("*.safetensors")), "nothing is left that nobody needs"
    assert list(run.table()["stage"]) == ["level-1", "level-2"]
    assert load_encoder(str(run.path / "model"), 2, 0).config.num_hidden_layers == 2


def test_a_complete_run_returns_at_once(spec_of, tmp_path, monkeypatch):
    spec = spec_of(Magnitude(**TINY))
    first = outcome(prune(spec, store=tmp_path))
    monkeypatch.setattr(MaskedTrainer, "advance", lambda *_: pytest.fail("it trained again"))
    assert outcome(prune(spec, store=tmp_path)) == first


def test_a_complete_run_of_a_model_folder_with_other_weights_is_refused(spec_of, tiny_model_dir, tmp_path):
    model = shutil.copytree(tiny_model_dir, tmp_path / "model")
    spec = replace(spec_of(Magnitude(**TINY)), model=str(model))
    run = prune(spec, store=tmp_path / "runs")
    # Younger files with the same weights are the same model.
    file = model / "model.safetensors"
    file.write_bytes(file.read_bytes())
    assert prune(spec, store=tmp_path / "runs").path == run.path
    save_file({name: tensor + 1 for name, tensor in load_file(file).items()}, file, {"format": "pt"})
    with pytest.raises(BadInput, match="was made from other weights than the model folder has now"):
        prune(spec, store=tmp_path / "runs")


@pytest.mark.parametrize("keep_weights", [False, True])
def test_what_a_process_left_that_was_killed_at_the_end_is_removed(
    spec_of, tmp_path, monkeypatch, keep_weights
):
    spec = spec_of(Magnitude(**TINY))

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(launch, "remove_scaffolding", killed)
        with pytest.raises(Stopped):
            prune(spec, store=tmp_path, keep_weights=keep_weights)
    stages = tmp_path / spec.name / "stages"
    state, lock = stages / "level-1" / "state.safetensors", tmp_path / spec.name / ".lock"
    left = state.stat().st_size
    (stages / "level-1" / "checkpoint.safetensors").write_bytes(b"left")
    with FileLock(lock, thread_local=False):
        assert prune(spec, store=tmp_path).done, "a process may still be at it"
    assert state.stat().st_size == left
    assert prune(spec, store=tmp_path, keep_weights=keep_weights).done
    assert list(stages.rglob("*.safetensors")) == [state] * keep_weights
    assert not keep_weights or state.stat().st_size < left, "moments are removed"
    state.write_bytes(b"kept")
    assert prune(spec, store=tmp_path).done
    assert state.exists(), "once the leftovers are gone, nothing is removed"


def test_what_is_no_spec_is_refused(tmp_path):
    with pytest.raises(BadInput, match="prune takes a RunSpec, not 'synth/sst2'"):
        prune("synth/sst2", store=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_equal_specs_give_equal_bits_in_another_store(spec_of, tmp_path):
    state = torch.get_rng_state()
    left = prune(spec_of(), store=tmp_path / "a")
    torch.manual_seed(12345)  # what other code does to the global generator does not matter
    right = prune(spec_of(), store=tmp_path / "b")
    torch.set_rng_state(state)
    assert outcome(left) == outcome(right)
    other = prune(spec_of(seed=1), store=tmp_path / "a")
    assert other.mask() != left.mask()


@pytest.mark.parametrize(
    "engine", [tiny_randomized(halving=True, full_scores=True), IMP(**TINY, levels=2, rewind="encoder")]
)
def test_a_run_that_is_interrupted_anywhere_ends_the_same(spec_of, tmp_path, monkeypatch, engine):
    assert stops_until_done(spec_of(engine), tmp_path, monkeypatch, every=8) > 1


def test_candidates_that_halving_drops_are_paid_for(spec_of, tmp_path):
    engine = tiny_randomized(halving=True, levels=1, early_epochs=6.0, early_evaluations=1)
    run = prune(spec_of(engine), store=tmp_path)
    steps = max(entry["steps"] for entry in run.events() if "race" in entry["stage"] and "steps" in entry)
    first_round = steps // 2
    assert run.results["cost"]["racing"]["optimizer_steps"] == 3 * first_round + 2 * (steps - first_round)
    lengths = sorted(candidate.curve[-1][0] for candidate in run.candidates(level=1))
    assert lengths == [first_round, steps, steps]


def test_selection_never_sees_dev(spec_of, tmp_path, monkeypatch):
    honest = prune(spec_of(), store=tmp_path / "honest").results
    load = preparation.load_task

    def with_wrong_dev_labels(task_id):
        task = load(task_id)
        for frame in task.dev.values():
            frame["label"] = 1 - frame["label"]
        return task

    monkeypatch.setattr(preparation, "load_task", with_wrong_dev_labels)
    fooled = prune(spec_of(), store=tmp_path / "fooled").results
    assert fooled["dev"]["validation"]["accuracy"] == pytest.approx(
        1 - honest["dev"]["validation"]["accuracy"]
    )
    assert fooled["validation"] == honest["validation"]
    assert [level["best_step"] for level in fooled["levels"]] == [
        level["best_step"] for level in honest["levels"]
    ]
    same_masks = [
        (tmp_path / kind / spec_of().name / "masks" / "level-2.safetensors").read_bytes()
        for kind in ("honest", "fooled")
    ]
    assert same_masks[0] == same_masks[1]


def test_selection_on_dev_is_what_it_says(spec_of, tmp_path):
    results = prune(spec_of(Magnitude(**TINY), selection="dev"), store=tmp_path).results
    assert results["selection"] == "dev"
    assert results["examples"]["validation"] == results["examples"]["dev/validation"]
    assert results["validation"] == results["dev"]["validation"]


def test_the_dense_model_is_shared(spec_of, tmp_path, monkeypatch):
    prune(spec_of(Magnitude(**TINY)), store=tmp_path)
    monkeypatch.setattr("workbench.execution.dense._fine_tune", lambda *_: pytest.fail("it was made again"))
    prune(spec_of(IMP(**TINY, levels=1)), store=tmp_path)
    assert len(list((tmp_path / "shared").iterdir())) == 1


def test_a_second_process_leaves_the_run_alone(spec_of, tmp_path):
    spec = spec_of()
    folder = tmp_path / spec.name
    folder.mkdir()
    with FileLock(folder / ".lock", thread_local=False), pytest.raises(BadInput, match="another process"):
        prune(spec, store=tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == [".lock"]


def test_a_run_that_another_process_has_just_completed_is_left_as_it_is(spec_of, tmp_path, monkeypatch):
    spec = spec_of(Magnitude(**TINY))
    first = outcome(prune(spec, store=tmp_path))
    results = tmp_path / spec.name / "results.json"
    kept = results.read_text()
    results.unlink()
    load = preparation.load_task

    def slowly(task_id):
        results.write_text(kept)  # the other process ends while this one loads
        return load(task_id)

    monkeypatch.setattr(preparation, "load_task", slowly)
    assert outcome(prune(spec, store=tmp_path)) == first


def test_a_half_written_event_is_forgotten(spec_of, tmp_path, monkeypatch):
    spec = spec_of(Magnitude(**TINY))
    whole = outcome(prune(spec, store=tmp_path / "whole"))
    with monkeypatch.context() as patched:
        patched.setattr(MaskedTrainer, "advance", interrupted_at(MaskedTrainer.advance, 6))
        with pytest.raises(Stopped):
            prune(spec, store=tmp_path / "broken")
    with (tmp_path / "broken" / spec.name / "events.jsonl").open("a") as log:
        log.write('{"time": 1, "stage": "lev')
    assert outcome(prune(spec, store=tmp_path / "broken")) == whole


@pytest.mark.parametrize("changed", ["data", "weights"])
def test_a_run_does_not_go_on_with_other_content(spec_of, tmp_path, tiny_model_dir, monkeypatch, changed):
    shutil.copytree(tiny_model_dir, tmp_path / "model")
    spec = spec_of(Magnitude(**TINY), model=str(tmp_path / "model"))
    with monkeypatch.context() as patched:
        patched.setattr(MaskedTrainer, "advance", interrupted_at(MaskedTrainer.advance, 6))
        with pytest.raises(Stopped):
            prune(spec, store=tmp_path / "runs")
    if changed == "weights":
        path = tmp_path / "model" / "model.safetensors"
        tensors = load_file(path)
        tensors["encoder.layer.0.output.dense.weight"] += 1
        save_file(tensors, path, metadata={"format": "pt"})
    else:
        load = preparation.load_task

        def other_rows(task_id):
            task = load(task_id)
            task.train.loc[7, "sentence"] = "another sentence"
            return task

        monkeypatch.setattr(preparation, "load_task", other_rows)
    with pytest.raises(BadInput, match=f"another content.*{changed}.*would mix two runs"):
        prune(spec, store=tmp_path / "runs")


def test_edited_weights_of_the_dense_model_are_noticed(spec_of, tmp_path):
    prune(spec_of(Magnitude(**TINY)), store=tmp_path)
    (state,) = (tmp_path / "shared").rglob("state.safetensors")
    content = bytearray(state.read_bytes())
    content[-5000] ^= 1
    state.write_bytes(content)
    with pytest.raises(BadInput, match=r"state.safetensors is damaged .*does not match its digest"):
        prune(spec_of(IMP(**TINY, levels=1)), store=tmp_path)


def test_a_loss_that_turns_nan_keeps_what_was_done(spec_of, tmp_path):
    spec = spec_of(Magnitude(**TINY | {"lr": 1e30}))
    with pytest.raises(Stopped, match=r"loss is nan.*Start a run with a lower rate"):
        prune(spec, store=tmp_path)
    run = find_run(spec.name, tmp_path)
    assert not run.done
    with pytest.raises(BadInput, match="not complete"):
        _ = run.results
    assert list((tmp_path / "shared").glob("*/stages/dense/done.json"))


@pytest.mark.parametrize(
    "failing", ["workbench.runs.states.save_file", "os.replace", "workbench.execution.results.save_model"]
)
def test_a_full_disk_leaves_the_run_resumable(spec_of, tmp_path, monkeypatch, failing):
    monkeypatch.setattr(stage_training, "CHECKPOINT_SECONDS", 0.0)
    spec = spec_of(Magnitude(**TINY))
    whole = outcome(prune(spec, store=tmp_path / "whole"))

    def full(*_, **__):
        raise RuntimeError("I/O error: No space left on device (os error 28)")

    with monkeypatch.context() as patched:
        patched.setattr(failing, full)
        with pytest.raises(Stopped, match="no space left"):
            prune(spec, store=tmp_path / "full")
    assert not list((tmp_path / "full").rglob("*.part"))
    assert outcome(prune(spec, store=tmp_path / "full")) == whole


def test_a_damaged_checkpoint_is_named(spec_of, tmp_path, monkeypatch):
    monkeypatch.setattr(stage_training, "CHECKPOINT_SECONDS", 0.0)
    advance = MaskedTrainer.advance

    def trip_at_4(trainer, batch):
        if trainer.step == 4 and trainer.config.steps > 4:
            raise KeyboardInterrupt
        return advance(trainer, batch)

    monkeypatch.setattr(MaskedTrainer, "advance", trip_at_4)
    spec = spec_of(Magnitude(**TINY, total_steps=9), dense=runs.FineTuning(epochs=0.01, lr=1e-3))
    with pytest.raises(Stopped):
        prune(spec, store=tmp_path)
    checkpoint = tmp_path / spec.name / "stages" / "level-1" / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    with pytest.raises(BadInput, match=r"checkpoint.safetensors is damaged.*Delete the folder"):
        prune(spec, store=tmp_path)


def test_a_sparsity_that_keeps_nothing_starts_nothing(spec_of, tmp_path):
    spec = spec_of(Magnitude(**TINY | {"sparsity": 0.9999}))
    with pytest.raises(BadInput, match=r"keeps none of the 1024 weights of .*0\.999023 keeps one"):
        prune(spec, store=tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_runs_are_listed_and_found(spec_of, tmp_path):
    assert runs_in(tmp_path / "none") == []
    run = prune(spec_of(Magnitude(**TINY)), store=tmp_path)
    assert [other.path for other in runs_in(tmp_path)] == [run.path]
    assert find_run(run.name, tmp_path).path == find_run(str(run.path), "elsewhere").path == run.path
    with pytest.raises(BadInput, match=f"Did you mean {run.name}"):
        find_run(run.name[:-1], tmp_path)
    assert json.loads((run.path / "results.json").read_text())["format"] == 1


def test_matching_the_steps_of_another_run(spec_of, tmp_path):
    target = prune(spec_of(), store=tmp_path).results["cost"]["total"]["optimizer_steps"]
    for engine in (Magnitude(**TINY, total_steps=target), IMP(**TINY, levels=3, total_steps=target)):
        assert prune(spec_of(engine), store=tmp_path).results["cost"]["total"]["optimizer_steps"] == target
    with pytest.raises(BadInput, match="total_steps is 2"):
        prune(spec_of(IMP(**TINY, levels=3, total_steps=2)), store=tmp_path)


def test_what_is_not_prunable_is_no_part_of_the_mask(spec_of, tmp_path, tiny_model_dir):
    run = prune(spec_of(Magnitude(**TINY)), store=tmp_path)
    model = load_encoder(str(tiny_model_dir), 2, 0)
    assert set(run.mask().names) == set(prunable(model))
    assert not any(
        "embeddings" in name or "LayerNorm" in name or "pooler" in name for name in run.mask().names
    )


@pytest.mark.parametrize(
    ("task", "metrics"),
    [
        ("synth/stsb", {"validation": ["pearson", "spearman"]}),
        ("synth/mrpc", {"validation": ["accuracy", "f1"]}),
        ("synth/mnli", {"validation_matched": ["accuracy"], "validation_mismatched": ["accuracy"]}),
    ],
)
def test_every_kind_of_task(spec_of, tmp_path, task, metrics):
    run = prune(spec_of(Magnitude(**TINY), task=task), store=tmp_path)
    assert {split: list(values) for split, values in run.results["dev"].items()} == metrics
    assert list(run.results["validation"]) == run.results["metrics"] == next(iter(metrics.values()))
    assert len(run.table()) == 1


def test_an_encoder_that_does_not_tell_sentences_apart(spec_of, tmp_path, tiny_model_dir):
    from transformers import AutoTokenizer, DistilBertConfig, DistilBertModel

    tokenizer = AutoTokenizer.from_pretrained(
        tiny_model_dir, model_input_names=["input_ids", "attention_mask"]
    )
    config = DistilBertConfig(vocab_size=len(tokenizer), dim=32, n_layers=2, n_heads=2, hidden_dim=64)
    for part in (tokenizer, DistilBertModel(config)):
        part.save_pretrained(tmp_path / "distilbert")
    run = prune(spec_of(model=str(tmp_path / "distilbert"), task="synth/rte"), store=tmp_path)
    assert "distilbert.transformer.layer.0.attention.q_lin.weight" in run.mask().names


def test_training_on_a_part_of_the_examples(spec_of, tmp_path):
    few = prune(spec_of(examples=100), tmp_path)
    assert few.results["examples"]["train"] == 100
    assert (
        few.results["examples"]["dev/validation"]
        == prune(spec_of(), tmp_path).results["examples"]["dev/validation"]
    )
    assert len(list((tmp_path / "shared").iterdir())) == 2  # a dense model of its own
    with pytest.raises(BadInput, match="examples is 1000000, and synth/sst2 has"):
        prune(spec_of(examples=1_000_000), tmp_path)
