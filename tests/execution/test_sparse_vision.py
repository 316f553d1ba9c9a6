"""`acdc` and `swamp` where they were published: convolutions, BatchNorm, SGD; on real digits."""

import pytest
import torch
from safetensors.torch import load_file

from tests.tiny import save_tiny_cifar10, save_tiny_resnet
from workbench.engines.acdc import ACDC
from workbench.engines.swamp import Swamp
from workbench.execution import launch, prune
from workbench.runs import FineTuning, RunSpec
from workbench.training import Distillation

SGD = {"optimizer": "sgd", "lr": 0.1, "weight_decay": 5e-4, "distillation": Distillation(mode="none")}


def digits(engine) -> RunSpec:
    return RunSpec(task="vision/digits", engine=engine, precision="fp32", dense=FineTuning(epochs=1))


def test_acdc_ends_compressed_and_accurate(tmp_path):
    engine = ACDC(**SGD, sparsity=0.9, epochs=5.0, decay="cosine", phase_epochs=0.3, final_epochs=1.4)
    run = prune(digits(engine), store=tmp_path)
    weights, mask = load_file(run.path / "model" / "model.safetensors"), run.mask()
    assert mask.kept == mask.numel - round(0.9 * mask.numel)
    assert all(torch.equal(weights[name] != 0, mask[name]) for name in mask.names)
    assert run.results["validation"]["accuracy"] > 0.8


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A spec of a tiny ResNet with BatchNorm on a few images."""
    monkeypatch.setenv(
        "WORKBENCH_CIFAR10_DIR", str(save_tiny_cifar10(tmp_path / "cifar10", {"train": 100, "test": 20}))
    )
    model = str(save_tiny_resnet(tmp_path / "resnet"))

    def make(**changes) -> RunSpec:
        engine = Swamp(**SGD, sparsity=0.5, ladder=(0.5,), particles=2, batch_size=32, epochs=2.0, **changes)
        dense = FineTuning(epochs=1)
        return RunSpec(task="vision/cifar10", model=model, engine=engine, precision="fp32", dense=dense)

    return make


def test_an_average_has_batchnorm_statistics_of_its_own(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "remove_scaffolding", lambda *_: None)

    def statistics(**changes):
        run = prune(tiny(averaging=False, **changes), store=tmp_path / "runs")
        level = run.path / "stages" / "level-1"
        states = [load_file(level / part / "state.safetensors") for part in ("", "particle-0", "particle-1")]
        means = [name for name in states[0] if name.endswith("running_mean")]
        assert len(means) > 3
        return [(states[0][name], (states[1][name] + states[2][name]) / 2) for name in means]

    for average, mean in statistics(recalibrate=False):
        torch.testing.assert_close(average, mean)
    assert any(not torch.allclose(average, mean, rtol=1e-2) for average, mean in statistics())
    for asked, usual in zip(statistics(recalibrate=True), statistics(), strict=True):
        assert torch.equal(asked[0], usual[0])
