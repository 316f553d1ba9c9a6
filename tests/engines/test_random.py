"""Static random masks: kept weights per matrix, and their positions."""

import json

import pytest
import torch

from tests.engines.test_engines import RecordingBench
from workbench.engines.random import Random
from workbench.errors import BadInput
from workbench.masks import kept_count
from workbench.models import load_encoder, prunable
from workbench.runs import RunSpec

BERT = {f"layer.{n}.{name}": torch.Size(shape) for n in range(12) for name, shape in [
    ("query", (768, 768)), ("key", (768, 768)), ("value", (768, 768)), ("attention", (768, 768)),
    ("intermediate", (3072, 768)), ("output", (768, 3072)),
]}  # fmt: skip
CONVOLUTIONS = {"first": torch.Size((16, 3, 3, 3)), "second": torch.Size((64, 16, 3, 3))}


@pytest.mark.parametrize("densities", ["er", "erk"])
@pytest.mark.parametrize("sparsity", [0.5, 0.9, 0.97, 0.99])
def test_densities_of_linear_matrices_follow_the_formula(densities, sparsity):
    """The densities of 768 x 768 and 768 x 3072 have the ratio 1536/589824 to 3840/2359296, 1.6 to 1."""
    kept = Random(densities=densities, sparsity=sparsity).kept(BERT)
    assert sum(kept.values()) == kept_count(84_934_656, sparsity)
    square, wide = kept["layer.0.query"] / 768**2, kept["layer.0.output"] / (768 * 3072)
    assert square / wide == pytest.approx(1.6, rel=1e-4)
    epsilon = (1 - sparsity) * 84_934_656 / sum(sum(shape) for shape in BERT.values())
    assert square == pytest.approx(epsilon * 1536 / 589_824, rel=1e-4)


def test_a_matrix_with_density_above_one_is_dense_and_epsilon_is_solved_again():
    kept = Random(densities="er", sparsity=0.2).kept(BERT)
    assert kept["layer.3.key"] == 768**2
    assert sum(kept.values()) == kept_count(84_934_656, 0.2)
    wide = (kept_count(84_934_656, 0.2) - 48 * 768**2) / 24
    assert {kept["layer.3.output"], kept["layer.3.intermediate"]} <= {int(wide), int(wide) + 1}


@pytest.mark.parametrize(
    ("densities", "ratio"),
    [
        ("er", (19 / 48) / (80 / 1024)),
        ("erk", (25 / 432) / (86 / 9216)),
    ],
)
def test_only_erk_includes_the_kernel(densities, ratio):
    kept = Random(densities=densities, sparsity=0.95).kept(CONVOLUTIONS)
    assert (kept["first"] / 432) / (kept["second"] / 9216) == pytest.approx(ratio, rel=0.02)


def test_uniform_counts_equal_those_of_any_mask_per_matrix():
    kept = Random(densities="uniform", sparsity=0.97).kept(CONVOLUTIONS)
    assert kept == {name: kept_count(shape.numel(), 0.97) for name, shape in CONVOLUTIONS.items()}


def test_a_mask_has_the_given_counts_and_depends_only_on_the_seed():
    def mask(seed: int, start: str):
        bench = RecordingBench(seed=seed)
        Random(counts=counts, sparsity=1 - sum(counts) / numel, start=start).prune(bench)
        return bench.trained[0][3]

    weights = RecordingBench().dense().weights
    numel = sum(weight.numel() for weight in weights.values())
    counts = (0, *(weight.numel() // 3 for weight in weights.values()))[: len(weights)]
    masks = [mask(0, "dense"), mask(0, "pretrained"), mask(1, "dense")]
    assert masks[0].kept_per_matrix() == dict(zip(weights, counts, strict=True))
    assert masks[0] == masks[1] != masks[2]


def test_another_runs_counts(finished_run, tiny_model_dir):
    spec = RunSpec(task="synth/sst2", engine=Random(counts_of=str(finished_run.path), sparsity=0.8))
    engine = spec.engine
    counts = finished_run.mask().kept_per_matrix()
    assert engine.counts == tuple(counts.values())
    model = load_encoder(str(tiny_model_dir), 2, 0)
    engine.check(model)
    shapes = {name: weight.shape for name, weight in prunable(model).items()}
    assert engine.kept(shapes) == counts
    # The name follows from the counts and not from where they were read.
    assert spec.name == RunSpec(task="synth/sst2", engine=Random(counts=engine.counts, sparsity=0.8)).name
    assert str(finished_run.path) not in spec.to_yaml()


def test_counts_that_do_not_fit_are_refused(finished_run, tiny_model_dir, tmp_path):
    def spec(**changes):
        return RunSpec(task="synth/sst2", engine=Random(**changes))

    model = load_encoder(str(tiny_model_dir), 2, 0)
    with pytest.raises(BadInput, match=r"counts_of: .*nowhere is not a complete run"):
        spec(counts_of=str(tmp_path / "nowhere"))
    with pytest.raises(BadInput, match="both set the kept weights"):
        Random(counts_of=str(finished_run.path), counts=(1,))
    with pytest.raises(BadInput, match="counts for 2 matrices do not fit the 12 matrices"):
        Random(counts=(1, 2)).check(model)
    with pytest.raises(BadInput, match=r"sparsity is 0\.9, but the counts have 0\.7998"):
        spec(counts_of=str(finished_run.path), sparsity=0.9).engine.check(model)
    with pytest.raises(BadInput, match="do not fit"):
        Random(counts=(10**9,) * 12).check(model)
    (tmp_path / "results.json").write_text(json.dumps({"levels": [{"stage": "level-1"}]}))
    with pytest.raises(BadInput, match="level-1"):
        spec(counts_of=str(tmp_path))
