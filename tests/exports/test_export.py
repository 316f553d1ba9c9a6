import errno
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import workbench as wb
from tests.exports import readers
from workbench.cli import main
from workbench.engines.magnitude import Magnitude
from workbench.engines.smp import SMP
from workbench.errors import BadInput, Failed, Stopped
from workbench.exports import FORMS, export, hugging_face
from workbench.extras import EXTRAS
from workbench.runs import find_run
from workbench.runs.portable import without_paths
from workbench.training import Distillation

# CI installs it, and fails without.
needs_onnx = pytest.mark.skipif(
    "CI" not in os.environ and any(find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")),
    reason="the extra [onnx] is not installed",
)


@pytest.fixture(scope="module")
def exported(finished_run, tmp_path_factory):
    """Exports the finished run in a form, once."""
    folder, done = tmp_path_factory.mktemp("exports"), {}

    def make(format: str) -> Path:
        if format not in done:
            done[format] = wb.export(finished_run, format, folder / format)
        return done[format]

    return make


@pytest.fixture(scope="module")
def reference(finished_run, tmp_path_factory):
    """Input ids of a batch of its own size and length, and what torch says about them."""
    model = AutoModelForSequenceClassification.from_pretrained(finished_run.folder.model).eval()
    ids = torch.randint(5, model.config.vocab_size, (7, 23), generator=torch.Generator().manual_seed(0))
    file = tmp_path_factory.mktemp("ids") / "ids.npy"
    np.save(file, ids.numpy())
    with torch.inference_mode():
        return file, model(input_ids=ids).logits.numpy()


def read_by_a_stranger(program: str, folder: Path, ids: Path, out: Path):
    command = [sys.executable, "-c", program, str(folder), str(ids), str(out)]
    done = subprocess.run(command, cwd=out.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return np.load(out)


@pytest.mark.parametrize(
    ("format", "program"), [("npz", readers.NPZ), pytest.param("onnx", readers.ONNX, marks=needs_onnx)]
)
def test_a_stranger_reads_equal_logits_and_every_zero(
    finished_run, exported, reference, tmp_path, format, program
):
    ids, logits = reference
    found = read_by_a_stranger(program, exported(format), ids, tmp_path / "found.npz")
    assert np.abs(found["logits"] - logits).max() <= 1e-4
    mask = finished_run.mask()
    assert found["zeros"] == mask.numel - mask.kept


def test_the_folder_loads_in_the_library(finished_run, exported, reference):
    folder = exported("hf")
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    ids, logits = reference
    with torch.inference_mode():
        assert np.array_equal(model(input_ids=torch.tensor(np.load(ids))).logits.numpy(), logits)
    assert AutoTokenizer.from_pretrained(folder)("the film")["input_ids"]
    assert wb.Mask.load(folder / "mask.safetensors") == finished_run.mask()


def test_an_exported_folder_is_not_taken_for_a_run(exported, tmp_path):
    folder = exported("hf")
    with pytest.raises(BadInput, match=f"{folder} is an exported model, and the store .* has no run"):
        find_run(folder, tmp_path)


def test_the_card_is_valid_and_says_what_was_done(finished_run, exported):
    card = ModelCard.load(exported("hf") / "README.md")
    (score,) = card.data.eval_results
    assert (score.dataset_name, score.dataset_split, score.metric_type) == (
        "synth/sst2",
        "validation",
        "accuracy",
    )
    assert score.metric_value == finished_run.results["dev"]["validation"]["accuracy"]
    assert model_index_to_eval_results(card.data.to_dict()["model-index"])[1] == card.data.eval_results
    assert card.data.base_model is None, "a folder's name is no id on the Hub"
    environment = finished_run.environment
    expected = (
        "| task | synth/sst2 |",
        "| engine | randomized |",
        "seed | 0;",
        f"digest {environment['content']['data']}",
        f"torch {environment['versions']['torch']}",
        "licence of the base model | not known",
        "workbench prune --recipe spec.yaml --model FOLDER",
    )
    assert [text for text in expected if text not in card.content] == []


def test_the_licence_and_the_id_of_a_known_base_model_are_in_the_card(finished_run, tmp_path):
    folder = shutil.copytree(finished_run.path, tmp_path / finished_run.name)
    spec = (folder / "spec.yaml").read_text()
    hub_id = "sentence-transformers/all-MiniLM-L6-v2"
    (folder / "spec.yaml").write_text(re.sub(r"(?m)^model: .*$", f"model: {hub_id}", spec))
    card = ModelCard.load(export(folder, "hf", tmp_path / "out") / "README.md")
    assert (card.data.license, card.data.base_model) == ("apache-2.0", hub_id)
    assert "prune --recipe spec.yaml\n" in card.content


@pytest.mark.parametrize("format", ["hf", "mask", "npz", pytest.param("onnx", marks=needs_onnx)])
def test_no_export_has_a_path_of_this_machine(finished_run, exported, root, format):
    places = {
        str(finished_run.path.parent),
        str(finished_run.spec.model),
        str(root),
        sys.prefix,
        str(Path.home()),
    }
    files = [file for file in exported(format).rglob("*") if file.is_file()]
    assert files
    found = {(file.name, place) for file in files for place in places if place.encode() in file.read_bytes()}
    assert found == set()


def test_equal_exports_are_left_and_others_refused(finished_run, tmp_path):
    out = export(finished_run, "mask", tmp_path / "out")
    before = (out / "export.json").stat().st_mtime_ns
    assert export(finished_run.path, "mask", out) == out
    assert (out / "export.json").stat().st_mtime_ns == before
    with pytest.raises(BadInput, match="holds something other than the hf export"):
        export(finished_run, "hf", out)
    (tmp_path / "mine").mkdir()
    assert export(finished_run, "mask", tmp_path / "mine").is_dir(), "an empty folder will do"
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="is a file"):
        export(finished_run, "mask", tmp_path / "file")


@pytest.mark.parametrize("format", ["hf", "npz"])
def test_a_missing_zero_is_noticed_and_nothing_is_left(finished_run, tmp_path, format):
    folder = shutil.copytree(finished_run.path, tmp_path / "run")
    last = finished_run.results["levels"][-1]["stage"]
    mask = finished_run.mask()
    (~mask).save(folder / "masks" / f"{last}.safetensors")
    with pytest.raises(Failed, match=r"that the mask of run .* prunes are not zero in its model"):
        export(folder, format, tmp_path / "out" / format)
    assert list((tmp_path / "out").iterdir()) == []


@needs_onnx
def test_onnx_of_a_model_that_only_the_workbench_knows(spec_of, tmp_path):
    engine = SMP(sparsity=0.5, label_words=("bad", "good"), head="embeddings", epochs=1.0)
    run = wb.prune(spec_of(engine), tmp_path / "runs")
    about = json.loads((export(run, "onnx", tmp_path / "onnx") / "export.json").read_text())
    assert about["largest_difference"] <= 1e-4
    assert about["zeros"] == run.mask().numel - run.mask().kept
    card = ModelCard.load(export(run, "hf", tmp_path / "hf") / "README.md")
    assert card.data.library_name is None


@needs_onnx
def test_an_onnx_model_with_other_outputs_or_fewer_zeros_is_not_exported(
    finished_run, exported, tmp_path, monkeypatch
):
    from workbench.exports import onnx

    good = exported("onnx") / "model.onnx"

    def spoilt(change):
        def run(model, inputs, path):
            shutil.copy(good, path)
            with torch.no_grad():
                change(model)

        return run

    monkeypatch.setattr(onnx, "convert", spoilt(lambda model: model.classifier.bias.add_(1e-3)))
    with pytest.raises(Failed, match=r"differ from torch's by up to 0\.001"):
        export(finished_run, "onnx", tmp_path / "out")
    weight = "bert.encoder.layer.0.output.dense.weight"
    monkeypatch.setattr(onnx, "TOLERANCE", 10.0)
    monkeypatch.setattr(onnx, "convert", spoilt(lambda model: model.get_parameter(weight).zero_()))
    with pytest.raises(Failed, match=f"zeros of {weight}"):
        export(finished_run, "onnx", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_images_are_exported_too(spec_of, tmp_path):
    from tests.tiny import save_tiny_resnet

    engine = Magnitude(sparsity=0.8, epochs=0.1, distillation=Distillation(mode="none"))
    model = str(save_tiny_resnet(tmp_path / "resnet"))
    run = wb.prune(spec_of(engine, task="vision/digits", model=model), tmp_path / "runs")
    card = ModelCard.load(export(run, "hf", tmp_path / "hf") / "README.md")
    assert card.data.pipeline_tag == "image-classification"
    zeros = json.loads((export(run, "npz", tmp_path / "npz") / "export.json").read_text())["zeros"]
    assert zeros == run.mask().numel - run.mask().kept
    if find_spec("onnxruntime"):
        about = json.loads((export(run, "onnx", tmp_path / "onnx") / "export.json").read_text())
        assert about["zeros"] == zeros


class FakeHub:
    """What the Hub is asked for."""

    def __init__(self):
        self.calls = []

    def create_repo(self, repository, **options):
        self.calls.append(("create", repository))

    def upload_folder(self, repo_id, folder_path):
        self.calls.append(("upload", repo_id, sorted(path.name for path in folder_path.iterdir())))


def test_a_push_uploads_the_folder(finished_run, exported, monkeypatch):
    hub = FakeHub()
    monkeypatch.setattr(hugging_face, "HfApi", lambda: hub)
    monkeypatch.setattr(hugging_face, "hub_unreachable", lambda: None)
    monkeypatch.setattr(hugging_face, "get_token", lambda: "token")
    export(finished_run, "hf", exported("hf"), push="somebody/pruned")
    (_, created), (_, repository, files) = hub.calls
    assert created == repository == "somebody/pruned"
    assert {"README.md", "config.json", "model.safetensors", "mask.safetensors"} <= set(files)


def test_a_push_without_a_login_is_refused(finished_run, exported, monkeypatch):
    monkeypatch.setattr(hugging_face, "hub_unreachable", lambda: None)
    monkeypatch.setattr(hugging_face, "get_token", lambda: None)
    with pytest.raises(BadInput, match="hf auth login"):
        export(finished_run, "hf", exported("hf"), push="somebody/pruned")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "onxn"], "Did you mean onnx"),
        (
            ["--format", "hf", "--push", "somebody/pruned"],
            "the Hub cannot be reached (HF_HUB_OFFLINE is set)",
        ),
        (["--format", "hf", "--push", "pruned"], "OWNER/NAME"),
        (["--format", "hf", "--push", "some body/x"], "names no repository"),
        (["--format", "mask", "--push", "somebody/pruned"], "only the format hf can be pushed"),
        ([], "--format"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(finished_run, tmp_path, capsys, options, message):
    out = tmp_path / "out"
    assert main(["export", str(finished_run.path), "--out", str(out), *options]) == 2
    told = capsys.readouterr().err
    assert told.startswith("workbench: ")
    assert told.count("\n") == 1
    assert message in told
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_is_named_with_its_line_for_pip(finished_run, tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.extras.find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"needs onnx and onnxscript and .*: pip install 'onnx>=1\.23' 'onnx"):
        export(finished_run, "onnx", tmp_path / "out")


def test_a_full_disk_leaves_nothing(finished_run, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("workbench.exports.model_files.shutil.copy", full)
    with pytest.raises(Stopped, match="no space left on the disk"):
        export(finished_run, "hf", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_ids_are_no_paths():
    plain = {"task": "glue/rte", "model": "/home/somebody/bert", "more": ["./a/b", "~/c", "/", 3, "and/or"]}
    assert without_paths(plain) == {"task": "glue/rte", "model": "bert", "more": ["b", "c", "/", 3, "and/or"]}


def test_a_run_that_is_not_complete_is_refused(finished_run, tmp_path):
    folder = shutil.copytree(finished_run.path, tmp_path / "run")
    (folder / "results.json").unlink()
    for format in FORMS:
        if format != "onnx" or find_spec("onnx"):
            with pytest.raises(BadInput, match="is not complete"):
                export(folder, format, tmp_path / "out")


def test_the_shell_prints_the_folder(finished_run, tmp_path, capsys):
    command = ["export", finished_run.name, "--store", str(finished_run.path.parent), "--format", "mask"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out'}\n"
    assert wb.Mask.load(tmp_path / "out" / "mask.safetensors") == finished_run.mask()


def test_the_extras_are_those_of_the_project(root):
    declared = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {name: tuple(declared[name]) for name in EXTRAS} == EXTRAS
