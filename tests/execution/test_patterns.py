"""A short run from end to end with each pattern, from the command line to the report's sentence."""

import re

import pytest

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
    ("pattern", "engine", "settings", "sentence"),
    [
        ("unstructured", "magnitude", [], "any weight can be removed. .* on a CPU"),
        ("2:4", "imp", ["levels=2", "dense_epochs=0"], "2 of every 4 .* NVIDIA GPUs since Ampere"),
        ("block:4x8", "magnitude", [], "blocks of 4 x 8 weights .* Block-sparse kernels"),
        ("neuron", "gmp", ["end_epoch=2", "epochs=3"], "rows of a matrix.* Any hardware"),
    ],
)
def test_a_run_ends_with_the_pattern(run_of, pattern, engine, settings, sentence):
    run = run_of(engine, f"pattern={pattern}", *settings)
    mask = run.mask()
    assert mask.kept == mask.numel // 2 == run.results["levels"][-1]["kept"]
    for name in mask.names:
        kept = mask[name]
        parts = {
            "unstructured": lambda kept: kept.flatten().unsqueeze(1),
            "2:4": lambda kept: kept.reshape(-1, 4),
            "block:4x8": lambda kept: kept.unfold(0, 4, 4).unfold(1, 8, 8).reshape(-1, 32),
            "neuron": lambda kept: kept,
        }[pattern](kept)
        number = parts.shape[1] // 2 if pattern == "2:4" else parts.shape[1]
        assert set(parts.sum(1).tolist()) <= {number} | ({0} if pattern != "2:4" else set())
    (paragraph,) = pattern_and_hardware(run)
    assert paragraph in what_was_run(run)
    card = str(model_card(run))
    assert (paragraph in card) == ("unstructured-pruning" not in card) == (pattern != "unstructured")
    assert re.search(f"The pattern is {pattern}: {sentence}", paragraph)
    assert ("pattern" in reproduction(run)) == (pattern != "unstructured")
