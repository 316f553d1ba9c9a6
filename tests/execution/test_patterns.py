"""A short run from end to end with each pattern, from the command line to the report's sentence."""

import pytest
import torch

from workbench import cli
from workbench.analysis.pattern import pattern_and_hardware
from workbench.exports.card import model_card
from workbench.reports.prose import reproduction, what_was_run
from workbench.runs import Run


@pytest.fixture(scope="module")
def run_of(tiny_model_dir, tmp_path_factory):
    """Makes a run of a few steps from the shell; all of them share the dense model."""
    store = tmp_path_factory.mktemp("patterns")

    def make(engine: str, *settings: str) -> Run:
        words = [
            "prune",
            "synth/sst2",
            "--model",
            str(tiny_model_dir),
            "--engine",
            engine,
            "--sparsity",
            "0.5",
        ]
        values = ["dense.epochs=0.05", "total_steps=6", "eval_every=3", "distillation.mode=none", *settings]
        sets = [word for value in values for word in ("--set", value)]
        assert cli.main([*words, *sets, "--store", str(store)]) == 0
        (newest,) = set(store.glob("synth-*")) - made
        made.add(newest)
        return Run(newest)

    made = set()
    return make


@pytest.mark.parametrize(
    ("pattern", "engine", "settings"),
    [
        ("2:4", "imp", ["levels=2", "dense_epochs=0"]),
        ("block:4x8", "magnitude", []),
        ("neuron", "gmp", ["end_epoch=2", "epochs=3"]),
    ],
)
def test_a_run_ends_with_the_pattern(run_of, pattern, engine, settings):
    run = run_of(engine, f"pattern={pattern}", *settings)
    mask = run.mask()
    assert mask.kept == mask.numel // 2 == run.results["levels"][-1]["kept"]
    for name in mask.names:
        if pattern == "2:4":
            assert (mask[name].reshape(-1, 4).sum(1) == 2).all()
            continue
        height, width = (4, 8) if pattern == "block:4x8" else (1, mask[name].shape[1])
        parts = mask[name].unfold(0, height, height).unfold(1, width, width).flatten(2)
        assert torch.equal(parts.all(2), parts.any(2))
    (paragraph,) = pattern_and_hardware(run)
    assert paragraph in what_was_run(run)
    card = str(model_card(run))
    assert paragraph in card
    assert "unstructured" not in card
    assert f"pattern={pattern}" in reproduction(run).replace("'", "").replace('"', "")
