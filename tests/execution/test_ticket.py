"""Masks that move between methods and tasks."""

import shutil

import pytest
import torch
from safetensors.torch import load_file

from tests.classifiers import films_known
from workbench.cli import main
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.engines.ticket import Ticket
from workbench.errors import BadInput
from workbench.execution import prune
from workbench.masks import Mask
from workbench.models import load_encoder, prunable
from workbench.runs import FineTuning, RunSpec, runs_in, stage_weights
from workbench.training import Distillation

SHORT = {"epochs": 3.0, "lr": 1e-3, "eval_every": 3, "distillation": Distillation(mode="none")}
FROZEN = SHORT | {"lr": 1e-12}


@pytest.fixture(scope="module", autouse=True)
def _films():
    with films_known():
        yield


@pytest.fixture(scope="module")
def spec(tiny_model_dir):
    def make(engine, **changes) -> RunSpec:
        values = {
            "task": "toy/films",
            "model": str(tiny_model_dir),
            "dense": FineTuning(epochs=0.3, lr=1e-3),
            "scale": 0.3,
            "precision": "fp32",
        }
        return RunSpec(**values | {"engine": engine} | changes)

    return make


@pytest.fixture(scope="module")
def rewinding(spec, tmp_path_factory):
    """A complete run whose levels start at a rewind point, with the weights of all its stages. Read-only."""
    engine = IMP(sparsity=0.8, levels=1, rewind="all", rewind_epochs=2.0, dense_epochs=2.0, **SHORT)
    return prune(spec(engine), tmp_path_factory.mktemp("tickets") / "runs", keep_weights=True)


@pytest.fixture(scope="module")
def found(rewinding):
    """The mask that it found."""
    return rewinding.folder.mask("level-1")


def final_weights(run):
    return load_file(run.folder.model_weights)


def test_a_mask_moves_to_another_task_through_the_shell(rewinding, tiny_model_dir, tmp_path, capsys):
    words = ["prune", "toy/plays", "--model", str(tiny_model_dir), "--engine", "ticket", "--scale", "0.3"]
    words += ["--set", f"mask={rewinding.path}", "--set", "start=pretrained", "--set", "epochs=2"]
    words += ["--set", "distillation.mode=none", "--set", "dense.epochs=0.3", "--precision", "fp32"]
    assert main([*words, "--store", str(tmp_path / "runs")]) == 0
    (run,) = runs_in(tmp_path / "runs")
    assert run.mask() == rewinding.mask()
    assert run.spec.engine.sparsity == run.results["sparsity"] == rewinding.mask().sparsity
    weights = final_weights(run)
    assert all(torch.count_nonzero(weights[name][~run.mask()[name]]) == 0 for name in run.mask())


def test_the_name_depends_on_the_mask_and_not_on_its_place(spec, found, tmp_path):
    moved = shutil.copy(found, tmp_path / "moved.safetensors")
    here, there = (spec(Ticket(mask=str(path), **SHORT)) for path in (found, moved))
    assert here.name == there.name
    other = ~Mask.load(found)
    assert spec(Ticket(mask=str(other.save(tmp_path / "other.safetensors")), **SHORT)).name != here.name
    (tmp_path / "spec.yaml").write_text(here.to_yaml())
    assert RunSpec.from_yaml(tmp_path / "spec.yaml") == here
    moved.unlink()
    assert RunSpec.from_plain(there.changed) == there, "a spec whose mask is gone can still be read"


@pytest.mark.parametrize("start", ["dense", "pretrained"])
def test_a_ticket_starts_where_it_is_told(spec, found, start, tmp_path):
    run = prune(spec(Ticket(mask=str(found), start=start, **FROZEN)), tmp_path, keep_weights=True)
    mask, weights = run.mask(), final_weights(run)
    fresh = prunable(load_encoder(run.spec.model, 2, 0))
    assert all(
        torch.allclose(weights[name], fresh[name] * mask[name], atol=1e-6) == (start == "pretrained")
        for name in mask
    )
    assert run.dense_steps == (run.results["dense"]["cost"]["optimizer_steps"] if start == "dense" else 0)


def test_a_ticket_starts_at_the_rewind_point_of_a_run(spec, rewinding, found, tmp_path):
    point = stage_weights(rewinding.folder, "rewind")
    run = prune(spec(Ticket(mask=str(found), start=str(rewinding.path), **FROZEN)), tmp_path)
    mask, weights = run.mask(), final_weights(run)
    assert all(torch.allclose(weights[name], point[name] * mask[name], atol=1e-6) for name in mask)
    torch.testing.assert_close(weights["classifier.weight"], point["classifier.weight"], rtol=0, atol=1e-6)

    other = prune(
        spec(Ticket(mask=str(found), start=str(rewinding.path), **FROZEN), task="toy/plays"), tmp_path
    )
    weights = final_weights(other)
    assert all(torch.allclose(weights[name], point[name] * mask[name], atol=1e-6) for name in mask)
    assert not torch.allclose(weights["classifier.weight"], point["classifier.weight"], atol=1e-3), (
        "of another task's run only the encoder is taken"
    )


def test_a_rewind_point_must_be_there(spec, rewinding, found, tmp_path):
    def refused(start, message):
        with pytest.raises(BadInput, match=message):
            prune(spec(Ticket(mask=str(found), start=str(start), **SHORT)), tmp_path / "none")
        assert not (tmp_path / "none").exists()

    refused("pretraind", "start is 'pretraind', which is not a run folder. Give dense, pretrained, or")
    copied = shutil.copytree(rewinding.path, tmp_path / rewinding.name)
    (copied / "stages" / "rewind" / "state.safetensors").unlink()
    refused(copied, r"has no weights of stage rewind.*--keep-weights")
    (copied / "stages" / "rewind" / "done.json").unlink()
    refused(copied, r"has no rewind point beside the pretrained encoder.*rewind_epochs")


def masks_of(found, folder, change):
    mask = Mask.load(found)
    tensors = {name: mask[name] for name in mask}
    change(tensors)
    return str(Mask.from_tensors(tensors).save(folder / "changed.safetensors"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda masks: masks.update({min(masks): torch.ones(3, 3, dtype=bool)}),
            r"is \(3, 3\) in the mask and \(32, 32\)",
        ),
        (lambda masks: masks.pop(min(masks)), "is missing in the mask"),
        (lambda masks: masks.update(other=torch.ones(3, 3, dtype=bool)), "other is .* and missing among"),
    ],
)
def test_a_mask_of_other_shapes_is_refused(spec, found, tmp_path, change, message):
    with pytest.raises(BadInput, match=f"of another model: .*{message}.*made for this model"):
        prune(spec(Ticket(mask=masks_of(found, tmp_path, change), **SHORT)), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_mask_must_be_there_and_what_was_asked_for(spec, found, tmp_path):
    with pytest.raises(
        BadInput, match=r"sparsity is 0\.5, but the mask .* has 0\.79\d+\. Leave sparsity out"
    ):
        spec(Ticket(mask=str(found), sparsity=0.5))
    with pytest.raises(BadInput, match=r"there is no mask file nowhere\.safetensors"):
        spec(Ticket(mask="nowhere.safetensors"))
    with pytest.raises(BadInput, match="is not a complete run"):
        spec(Ticket(mask=str(tmp_path)))
    with pytest.raises(BadInput, match="ticket needs a value for mask"):
        Ticket()
    with pytest.raises(BadInput, match="unknown setting of ticket"):
        Ticket(mask=str(found), scope="global")
    moved = shutil.copy(found, tmp_path / "moved.safetensors")
    asked = spec(Ticket(mask=str(moved), **SHORT))
    (~Mask.load(found)).save(moved)
    with pytest.raises(BadInput, match=r"digest .* is expected: it was replaced\. Restore it"):
        prune(asked, tmp_path / "runs")


def test_a_ticket_of_magnitude_is_magnitude(spec, tmp_path):
    run = prune(spec(Magnitude(sparsity=0.7, **SHORT)), tmp_path)
    again = prune(spec(Ticket(mask=str(run.path), **SHORT)), tmp_path)
    assert all(torch.equal(tensor, final_weights(again)[name]) for name, tensor in final_weights(run).items())


def test_a_mask_file_in_another_order_gives_a_mask_in_the_models_order(spec, found, tmp_path):
    mask = Mask.load(found)
    turned = Mask.from_tensors({name: mask[name] for name in reversed(mask.names)})
    file = turned.save(tmp_path / "turned.safetensors")
    run = prune(spec(Ticket(mask=str(file), **SHORT)), tmp_path / "runs")
    assert run.mask() == mask
    assert run.mask().names == mask.names
