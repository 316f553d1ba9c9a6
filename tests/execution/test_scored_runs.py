"""Whole runs of the engines that train scores, on a tiny encoder."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from tests.execution.resuming import outcome, stops_until_done
from workbench import Run, prune
from workbench.engines.movement import Movement
from workbench.engines.smp import LABEL_WORDS, SMP
from workbench.engines.soft_movement import SoftMovement
from workbench.errors import BadInput
from workbench.masks import kept_count
from workbench.masks.grouping import groups
from workbench.models import load_encoder, load_tokenizer, prunable
from workbench.models.label_words import label_word_classifier
from workbench.randomness import torch_generator
from workbench.tasks import load_task, task_ids
from workbench.training import Distillation

TINY = {"sparsity": 0.8, "epochs": 6.0, "eval_every": 3, "score_lr": 0.1}
WORDS = ("bad", "great")
ENGINES = [
    SMP(**TINY, label_words=WORDS),
    Movement(**TINY, lr=1e-3),
    SoftMovement(**TINY, lr=1e-3, start="dense"),
]


@pytest.fixture
def smp_run(spec_of, tmp_path):
    return prune(spec_of(SMP(**TINY, label_words=WORDS)), store=tmp_path)


def exact_by_type(mask):
    """The kept weights of a mask at 0.8 whose matrices of a type share theirs."""
    together = groups(mask.names, "type").values()
    return sum(kept_count(sum(mask[name].numel() for name in names), 0.8) for names in together)


def test_the_weights_of_static_pruning_are_the_checkpoints(smp_run, tiny_model_dir):
    saved, mask = load_file(smp_run.path / "model" / "model.safetensors"), smp_run.mask()
    checkpoint = load_file(tiny_model_dir / "model.safetensors")
    words = load_tokenizer(str(tiny_model_dir)).convert_tokens_to_ids(list(WORDS))
    assert torch.equal(saved.pop("head.words.weight"), checkpoint["embeddings.word_embeddings.weight"][words])
    assert {f"bert.{name}" for name in checkpoint if "pooler" not in name} == saved.keys()
    for name, weight in saved.items():
        expected = checkpoint[name.removeprefix("bert.")]
        if name in mask.names:
            expected = expected * mask[name]
        assert (weight - expected).abs().max() == 0, name
    assert mask.kept == exact_by_type(mask)


def test_the_artefact_is_one_bit_a_prunable_weight(smp_run):
    mask = smp_run.mask()
    size = (smp_run.path / "masks" / "level-1.safetensors").stat().st_size
    assert sum(mask.packed(name).bits.size for name in mask.names) == mask.numel // 8
    assert mask.numel // 8 < size < mask.numel // 8 + 6000


@torch.no_grad()
def test_the_saved_model_is_the_checkpoint_under_the_mask(smp_run, tiny_model_dir):
    model = load_encoder(str(tiny_model_dir), 2, 0)
    classifier = label_word_classifier(model, load_tokenizer(str(tiny_model_dir)), WORDS, whole_head=True)
    smp_run.mask().apply_(classifier)
    tokens = torch.randint(5, 1000, (4, 9), generator=torch_generator("tokens"))
    saved = load_encoder(str(smp_run.path / "model"), 2, 3).eval()
    assert torch.equal(saved(input_ids=tokens).logits, classifier.eval()(input_ids=tokens).logits)
    assert smp_run.mask().names == tuple(prunable(saved))


def test_only_evaluations_at_the_final_sparsity_are_kept(smp_run):
    steps = smp_run.results["cost"]["training"]["optimizer_steps"]
    assert smp_run.results["levels"][0]["best_step"] >= round(0.6 * steps)


def test_evaluations_tell_the_sparsity_on_the_way(spec_of, tmp_path):
    run = prune(spec_of(Movement(**TINY | {"eval_every": 1})), store=tmp_path)
    told = [event["sparsity"] for event in run.events() if event["event"] == "evaluation"]
    assert told == sorted(told)
    assert told[0] < 0.5 < told[-1] == run.mask().sparsity


def test_layers_differ_in_smp_s_and_not_in_smp_l(spec_of, tmp_path):
    far = TINY | {"label_words": WORDS, "score_lr": 1.0, "epochs": 6.0}
    even, uneven = (prune(spec_of(SMP(**far, masking=kind)), tmp_path).mask() for kind in ("local", "score"))
    assert even.kept_per_matrix() == {name: kept_count(even[name].numel(), 0.8) for name in even.names}
    assert uneven.kept == exact_by_type(uneven)
    assert uneven.kept_per_matrix() != even.kept_per_matrix()


def test_the_random_head_is_trained_and_nothing_else(spec_of, tmp_path, tiny_model_dir):
    run = prune(spec_of(SMP(**TINY, head="random", lr=1e-3)), store=tmp_path)
    saved, mask = load_encoder(str(run.path / "model"), 2, 0), run.mask()
    fresh = load_encoder(str(tiny_model_dir), 2, run.spec.seed)
    mask.apply_(fresh)
    before = dict(fresh.named_parameters())
    moved = {name for name, weight in saved.named_parameters() if not torch.equal(weight, before[name])}
    assert moved == {"classifier.weight", "classifier.bias"}


def test_without_distillation_no_dense_model_is_made_before_the_mask(spec_of, tmp_path):
    engine = SMP(**TINY, label_words=WORDS, distillation=Distillation(mode="none"))
    assert prune(spec_of(engine), store=tmp_path).done


@pytest.mark.parametrize("task", ["synth/rte", "synth/stsb", "synth/mnli", "synth/qqp"])
def test_the_words_of_other_tasks(spec_of, tmp_path, task):
    run = prune(spec_of(SMP(**TINY | {"epochs": 3.0}), task=task), store=tmp_path)
    assert load_encoder(str(run.path / "model"), len(LABEL_WORDS[task[6:]]), 0).config.label_words


def test_there_are_words_for_every_class_of_every_text_task():
    for task_id in task_ids():
        if task_id.startswith("synth/"):
            task = load_task(task_id)
            assert len(LABEL_WORDS[task_id.split("/")[1]]) == task.num_outputs
    assert {task_id[5:] for task_id in task_ids() if task_id.startswith("glue/")} == LABEL_WORDS.keys()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({}, r"label word 'terrible' has 4 tokens"),
        ({"label_words": ("bad",)}, "needs 2: one for each of negative, positive"),
    ],
)
def test_words_that_do_not_do_are_refused_before_any_training(
    spec_of, tmp_path, changes, complaint, monkeypatch
):
    monkeypatch.setattr("workbench.training.MaskedTrainer.advance", lambda *_: pytest.fail("it trained"))
    with pytest.raises(BadInput, match=complaint):
        prune(spec_of(SMP(**TINY, **changes)), store=tmp_path / "store")
    assert not (tmp_path / "store").exists(), "nothing half-made is left"


@pytest.mark.parametrize("engine", ENGINES, ids=[engine.id for engine in ENGINES])
def test_a_run_that_is_interrupted_anywhere_ends_the_same(spec_of, tmp_path, monkeypatch, engine):
    assert stops_until_done(spec_of(engine), tmp_path, monkeypatch, every=3) > 2


def test_a_run_that_is_killed_ends_the_same(spec_of, tmp_path):
    """SIGKILL in the middle of the training."""
    spec = spec_of(Movement(**TINY, lr=1e-3))
    whole = outcome(prune(spec, store=tmp_path / "whole"))
    (tmp_path / "spec.yaml").write_text(spec.to_yaml())
    script = (
        "import sys, workbench as wb, torch; from workbench.execution import stage_training;"
        "stage_training.CHECKPOINT_SECONDS = 0.0;"
        "torch.set_num_threads(1);"
        "wb.prune(wb.RunSpec.from_yaml(sys.argv[1]), store=sys.argv[2])"
    )
    log = tmp_path / "broken" / spec.name / "events.jsonl"
    process = subprocess.Popen([sys.executable, "-c", script, tmp_path / "spec.yaml", tmp_path / "broken"])
    while not (log.exists() and log.read_text().count('"evaluation"') >= 2):
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not Run(tmp_path / "broken" / spec.name).done
    assert (log.parent / "stages" / "level-1" / "checkpoint.safetensors").exists()
    assert outcome(prune(spec, store=tmp_path / "broken")) == whole
