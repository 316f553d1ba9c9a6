"""`workbench speed`: every contestant is checked and timed, and the result stays beside the run."""

import json
import shutil

import pytest
import torch

from workbench.cli import main
from workbench.errors import BadInput, Failed
from workbench.extras import has_extra
from workbench.inference import contestants, measure_speed
from workbench.runs import Run
from workbench.training import detect_precision


@pytest.fixture
def run(finished_run, tmp_path):
    """A copy of the finished run without measured speed."""
    run = Run(shutil.copytree(finished_run.path, tmp_path / finished_run.name))
    run.folder.speed.unlink()
    return run


def test_every_contestant_is_measured_for_every_shape(run, capsys):
    assert run.speed is None
    assert main(["speed", str(run.path), "--batch", "1,3", "--length", "8", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert run.speed == result
    half = detect_precision() == "bf16"
    names = ["torch fp32", *(["torch bf16"] if half else []), "torch CSR fp32", "workbench fp32"]
    names += ["workbench bf16"] if half else []
    names += ["ONNX Runtime fp32", "ONNX Runtime int8"] if has_extra("onnx") else []
    shapes = [(row["batch"], row["length"]) for row in result["rows"]]
    assert shapes == [(1, 8)] * len(names) + [(3, 8)] * len(names)
    assert [row["contestant"] for row in result["rows"]] == names * 2
    assert all(row["milliseconds"] > 0 for row in result["rows"])
    rows = {row["contestant"]: row for row in result["rows"]}
    assert rows["workbench fp32"]["bytes"] < rows["torch CSR fp32"]["bytes"] < rows["torch fp32"]["bytes"]
    assert rows["torch CSR fp32"]["largest_difference"] < 1e-4
    assert rows["workbench fp32"]["largest_difference"] < 1e-4
    assert {"processor", "threads", "cores", "versions"} <= result["machine"].keys()


def test_the_text_names_the_machine_and_has_a_row_for_each_contestant(run, monkeypatch, capsys):
    monkeypatch.setattr(contestants, "has_extra", lambda extra: False)
    assert main(["speed", run.name, "--store", str(run.path.parent), "--batch", "2", "--length", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "1 torch threads" in lines[0]
    assert lines[1] == f"sparsity {run.mask().sparsity:.4g}, milliseconds by batch x length"
    assert "2 x 4" in lines[3]
    assert any("workbench fp32" in line for line in lines[4:])
    assert not any("ONNX" in line for line in lines)


def test_a_wrong_output_fails_before_anything_is_timed(run, monkeypatch):
    forward = contestants._CSRLinear.forward
    monkeypatch.setattr(contestants, "has_extra", lambda extra: False)
    monkeypatch.setattr(contestants._CSRLinear, "forward", lambda self, x: 100 * forward(self, x))
    monkeypatch.setattr("workbench.inference.speed.milliseconds_in_turns", lambda work: pytest.fail("timed"))
    with pytest.raises(Failed, match="a logit of torch CSR fp32 differs"):
        measure_speed(run, (2,), (4,))
    assert run.speed is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--batch", "0,1"], "batch is 0. Give at least 1."),
        (["--length", "8,129"], "length is 129, and this model takes at most 128 tokens."),
        (["--batch", "1;2"], "--batch 1;2 is not a list of whole numbers."),
    ],
)
def test_impossible_shapes_are_refused(run, options, message, capsys):
    assert main(["speed", str(run.path), *options]) == 2
    assert message in capsys.readouterr().err
    assert run.speed is None


def test_a_run_that_is_not_complete_and_an_accelerator_are_refused(run, monkeypatch, capsys):
    monkeypatch.setattr("workbench.inference.speed.device", lambda: torch.device("cuda"))
    with pytest.raises(BadInput, match="speed is measured on a CPU"):
        measure_speed(run)
    run.folder.results.unlink()
    assert main(["speed", str(run.path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "is not complete" in error


def test_a_run_about_images_is_refused(run, monkeypatch):
    monkeypatch.setattr("workbench.inference.speed.modality", lambda task: "images")
    with pytest.raises(BadInput, match="has images"):
        measure_speed(run)
