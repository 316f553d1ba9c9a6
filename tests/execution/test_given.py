"""Runs whose dense model is a fine-tuned classifier from elsewhere."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from tests.classifiers import films_known, fine_tune, logits
from tests.execution.resuming import stops_until_done
from tests.tiny_runs import tiny_randomized
from workbench.cli import main, parser
from workbench.cli.run_spec import spec_of
from workbench.engines.gmp import GMP
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.engines.random import Random
from workbench.errors import BadInput
from workbench.execution import prune
from workbench.masks import Mask, topk_mask
from workbench.models import load_encoder, prunable
from workbench.runs import FineTuning, Run, RunSpec, runs_in
from workbench.tasks import load_task
from workbench.training import Distillation, MaskedTrainer

LOGITS = Distillation(mode="logits")
SHORT = {"epochs": 1.0, "lr": 1e-3, "eval_every": 3, "distillation": LOGITS}
ZEROS = 0.4


@pytest.fixture(scope="module", autouse=True)
def _films():
    with films_known():
        yield


@pytest.fixture(scope="module")
def own(tiny_model_dir, tmp_path_factory):
    """A classifier whose classes are in another order than the task's. Read-only."""
    return fine_tune(tiny_model_dir, tmp_path_factory.mktemp("own") / "classifier")


@pytest.fixture(scope="module")
def sparse(own, tmp_path_factory):
    """The same classifier with the smallest weights of each matrix at zero. Read-only."""
    folder = shutil.copytree(own, tmp_path_factory.mktemp("own") / "sparse")
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    topk_mask({name: weight.abs() for name, weight in prunable(model).items()}, ZEROS).apply_(model)
    model.save_pretrained(folder)
    return folder


def spec(dense, engine=None, **changes) -> RunSpec:
    values = {"task": "toy/films", "dense": dense, "precision": "fp32"}
    return RunSpec(**values | {"engine": engine or Magnitude(sparsity=0.5, **SHORT)} | changes)


def renamed(own, folder, names):
    shutil.copytree(own, folder)
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = dict(enumerate(names))
    config["label2id"] = {name: number for number, name in enumerate(names)}
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


def test_it_is_start_and_teacher_and_is_not_trained_again(own, tmp_path, capsys, monkeypatch):
    trained = []
    advance = MaskedTrainer.advance
    monkeypatch.setattr(MaskedTrainer, "advance", lambda *given: trained.append(1) or advance(*given))
    words = ["prune", "toy/films", "--dense", str(own), "--engine", "magnitude", "--sparsity", "0.5"]
    words += [
        "--set",
        "epochs=1",
        "--set",
        "lr=0.001",
        "--set",
        "distillation.mode=logits",
        "--scale",
        "0.02",
    ]
    assert main([*words, "--precision", "fp32", "--store", str(tmp_path / "runs")]) == 0
    said = capsys.readouterr().err
    assert f"dense model {own}: validation accuracy" in said
    assert "warning" not in said
    (run,) = runs_in(tmp_path / "runs")
    results, task = run.results, load_task("toy/films")
    assert (
        len(trained)
        == results["cost"]["total"]["optimizer_steps"]
        == results["cost"]["from_pretrained"]["optimizer_steps"]
    )
    assert run.spec.model == str(own)
    assert results["dense"]["given"]["classes"] == "by name"
    assert results["dense"]["cost"]["optimizer_steps"] == 0
    dev = task.dev["validation"]
    right = (1 - logits(own, dev["text"].tolist()).argmax(1)).numpy() == dev["label"].to_numpy()
    assert results["dense"]["dev"]["validation"]["accuracy"] == pytest.approx(right.mean(), abs=0.01)

    again = logits(run.path / "model", dev["text"].tolist())
    torch.testing.assert_close(
        again, load_file(run.folder.predictions)["logits.validation"], rtol=0, atol=1e-5
    )
    weights, mask = load_file(run.folder.model_weights), run.mask()
    assert all(torch.count_nonzero(weights[name][~mask[name]]) == 0 for name in mask)
    assert AutoConfig.from_pretrained(run.path / "model").id2label == {0: "NEGATIVE", 1: "Positive"}


def test_classes_with_other_names_are_matched_by_number_and_a_poor_classifier_needs_consent(
    own, tmp_path, capsys
):
    unnamed = spec(renamed(own, tmp_path / "unnamed", ["LABEL_0", "LABEL_1"]))
    with pytest.raises(
        BadInput, match=r"no better .* than a constant: validation accuracy .*another order.*--yes"
    ):
        prune(unnamed, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
    assert "matched by number: LABEL_0 = negative, LABEL_1 = positive" in capsys.readouterr().err
    run = prune(unnamed, tmp_path / "runs", yes=True)
    assert run.results["dense"]["given"]["classes"] == "by number"
    assert run.results["dense"]["validation"]["accuracy"] < 0.5


def test_as_an_encoder_a_classifier_takes_the_names_of_the_tasks_classes(own, tmp_path):
    run = prune(spec(FineTuning(), model=str(own), scale=0.02), tmp_path / "runs")
    config = AutoConfig.from_pretrained(run.path / "model")
    assert config.id2label == {0: "negative", 1: "positive"}
    assert config.label2id == {"negative": 0, "positive": 1}


def test_an_interrupted_run_ends_the_same(own, tmp_path, monkeypatch):
    assert stops_until_done(spec(str(own)), tmp_path, monkeypatch, every=4) >= 1


def test_a_changed_classifier_is_another_run(own, tmp_path):
    wanted = spec(str(shutil.copytree(own, tmp_path / "own")), model=str(own))
    assert prune(wanted, tmp_path / "runs").results["dense"]["given"]["model"] == str(tmp_path / "own")
    (tmp_path / "runs" / wanted.name / "results.json").unlink()
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "own")
    model.classifier.bias.data += 1
    model.save_pretrained(tmp_path / "own")
    with pytest.raises(BadInput, match="was started with another content"):
        prune(wanted, tmp_path / "runs")


def test_the_pretrained_encoder_can_be_named_beside_it(own, tiny_model_dir, tmp_path):
    engine = Random(sparsity=0.5, **SHORT)
    with pytest.raises(
        BadInput, match=r"engine random .* needs the pretrained encoder.*--model, or .*start=dense"
    ):
        prune(spec(str(own), engine), tmp_path / "runs")
    run = prune(spec(str(own), engine, model=str(tiny_model_dir)), tmp_path / "runs")
    assert AutoConfig.from_pretrained(run.path / "model").id2label == {0: "NEGATIVE", 1: "Positive"}


def with_label_words(own, tiny_model_dir, folder):
    shutil.copytree(own, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"label_words": ["bad", "good"]}))
    return {"dense": str(folder)}


def wide(own, tiny_model_dir, folder):
    from transformers import BertConfig, BertModel

    shutil.copytree(tiny_model_dir, folder)
    BertModel(
        BertConfig(vocab_size=2067, hidden_size=16, num_hidden_layers=2, num_attention_heads=2)
    ).save_pretrained(folder)
    return {"dense": str(own), "model": str(folder)}


def without_tokenizer(own, tiny_model_dir, folder):
    shutil.copytree(own, folder)
    for path in folder.glob("*token*"):
        path.unlink()
    return {"dense": str(folder)}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda own, tiny, folder: {"dense": str(tiny)},
            r"is no fine-tuned classifier: its checkpoint lacks classifier.*--model",
        ),
        (with_label_words, r"has a head of label words"),
        (without_tokenizer, r"lacks tokenizer_config\.json\. Save both"),
        (
            lambda own, tiny, folder: {"dense": str(own), "task": "synth/mnli"},
            r"2 outputs \(Positive, NEGATIVE\), and synth/mnli has 3 outputs",
        ),
        (
            lambda own, tiny, folder: {"dense": str(own), "task": "synth/stsb"},
            r"synth/stsb has 1 output \(a score\)",
        ),
        (lambda own, tiny, folder: {"dense": "./nowhere"}, r"nowhere does not exist"),
        (lambda own, tiny, folder: {"dense": "resnet18", "task": "vision/digits"}, "resnet18 is untrained"),
        (wide, "differ in architecture: bert.*(768|16|32)"),
        (
            lambda own, tiny, folder: {"dense": FineTuning(model=str(own), start_mask="zeros")},
            "none of the .* prunable weights .* is zero",
        ),
        (
            lambda own, tiny, folder: {"dense": str(own), "prunable": "nothing"},
            r"matches none of the \d+ matrices.*such as bert",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(own, tiny_model_dir, tmp_path, make, message):
    with pytest.raises(BadInput, match=message):
        prune(spec(**make(own, tiny_model_dir, tmp_path / "model")), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "engine",
    [
        IMP(sparsity=0.7, ladder=(0.5, 0.7), dense_epochs=0.5, **SHORT),
        tiny_randomized(sparsity=0.7, ladder=(0.7,), epochs=0.5, early_epochs=0.5, dense_epochs=0.5),
        Magnitude(sparsity=0.7, criterion="random", **SHORT),
    ],
    ids=lambda engine: engine.id,
)
def test_zeros_stay_zeros_if_asked(sparse, tmp_path, engine):
    dense = FineTuning(model=str(sparse), start_mask="zeros")
    run = prune(spec(dense, engine), tmp_path, keep_weights=True)
    start = Mask.from_tensors(
        {name: weight != 0 for name, weight in prunable(load_encoder(str(sparse), 2, 0)).items()}
    )
    assert start.sparsity == pytest.approx(ZEROS, abs=1e-3)
    assert run.mask() & start == run.mask()
    if engine.id != "magnitude":
        before = load_file(run.folder.stage("level-0").state)
        assert all(torch.count_nonzero(before[f"model.{name}"][~start[name]]) == 0 for name in start)


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        (
            Magnitude(sparsity=0.3),
            "would keep .* weights that are zero in the dense model.*sparsity 0.2998 does not fit",
        ),
        (Random(sparsity=0.9, start="dense"), "engine random would keep"),
        (
            GMP(sparsity=0.9, start="dense"),
            "engine gmp changes its mask during training.*Use an engine with fixed",
        ),
    ],
)
def test_engines_that_would_revive_zeros_are_refused(sparse, tmp_path, engine, message):
    with pytest.raises(BadInput, match=message):
        prune(spec(FineTuning(model=str(sparse), start_mask="zeros"), engine), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_recipe_and_the_shell_name_it_alike(own, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("task: toy/films\ndense: mine\nengine: {id: imp, sparsity: 0.5}\n")

    def spec_for(*words):
        return spec_of(parser().parse_args(["prune", "--recipe", str(recipe), *words]))

    assert spec_for().dense == FineTuning(model="mine")
    assert spec_for("--set", "dense.start_mask=zeros").dense == FineTuning(model="mine", start_mask="zeros")
    recipe.write_text(spec_for("--set", "dense.start_mask=zeros").to_yaml())
    moved = spec_for("--dense", "moved")
    assert (moved.dense, moved.model) == (FineTuning(model="moved"), "moved")


def test_a_report_says_that_the_classifier_was_given(own, tmp_path):
    from workbench.reports import prose

    run: Run = prune(spec(str(own)), tmp_path)
    assert prose.what_was_run(run)[0].startswith(f"The fine-tuned classifier {own} was pruned on toy/films")
    assert f"--dense {own}" in prose.reproduction(run)
    assert AutoTokenizer.from_pretrained(run.path / "model").vocab_size
