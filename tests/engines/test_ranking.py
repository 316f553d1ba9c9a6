"""Engines with a pattern: which masks they make, and what they refuse."""

import itertools
from functools import partial

import pytest
import torch

from tests.engines.test_engines import RecordingBench
from workbench.engines import engine_class
from workbench.engines.acdc import Alternation
from workbench.engines.gmp import CriterionPruning, ReturningPruning
from workbench.engines.magnitude import Magnitude
from workbench.engines.movement import HardScores, Movement
from workbench.engines.obert import SurgeonPruning
from workbench.engines.random import Random
from workbench.engines.ranking import RankingEngine
from workbench.engines.smp import SMP, StaticScores
from workbench.engines.soft_movement import SoftMovement, SoftScores
from workbench.errors import BadInput
from workbench.masks import Mask, Pattern, kept_count
from workbench.models import load_encoder, prunable
from workbench.runs import RunSpec
from workbench.settings import to_plain

PATTERNS = ["2:4", "block:4x2", "neuron"]
PLAN = {0: 0.3, 2: 0.5}
SCORED = {"sparsity": 0.5, "ramp_until": 0.4}
SPARSIFIERS = {
    "acdc": lambda pattern: Alternation((0, 1, 2, 3), 0.5, "type", True, pattern),
    "gmp": lambda pattern: ReturningPruning(PLAN, "type", "magnitude", 0, pattern),
    "gmp without return": lambda pattern: CriterionPruning(PLAN, "type", "wanda", 0, pattern),
    "obert": lambda pattern: SurgeonPruning(PLAN, "type", 50, 1e-4, 2, pattern),
    "movement": lambda pattern: HardScores(Movement(pattern=pattern, **SCORED)),
    "soft-movement": lambda pattern: SoftScores(SoftMovement(pattern=pattern, **SCORED)),
    "smp": lambda pattern: StaticScores(SMP(pattern=pattern, masking="local", **SCORED)),
    "smp-s": lambda pattern: StaticScores(SMP(pattern=pattern, **SCORED)),
}


def arranged(mask: Mask, pattern: str) -> bool:
    """Whether all kept weights are arranged as the pattern says."""
    kind = Pattern.of(pattern)
    for name, shape in mask.shapes.items():
        kept = mask[name]
        if pattern == "2:4":
            whole = kept.reshape(-1, 4).sum(1) == 2
        else:
            height, width = kind.sides(shape)
            parts = kept.reshape(shape[0] // height, height, shape[1] // width, width).transpose(1, 2)
            whole = parts.flatten(2).all(2) == parts.flatten(2).any(2)
        if not whole.all():
            return False
    return True


def test_an_engine_that_ranks_nothing_has_no_pattern():
    assert not issubclass(engine_class("ticket"), RankingEngine)
    with pytest.raises(BadInput, match="unknown setting of ticket 'pattern'"):
        engine_class("ticket")(mask="mask.safetensors", pattern="2:4")


@pytest.mark.parametrize("id", ["imp", "randomized", "obert", "smp"])
def test_the_default_is_not_in_a_runs_name(id):
    engine = engine_class(id)()
    assert engine.pattern == "unstructured"
    assert "pattern" not in to_plain(engine, changed_only=True)
    names = {
        RunSpec(task="synth/sst2", engine=engine_class(id)(sparsity=0.5, **changes)).name
        for changes in ({}, {"pattern": "unstructured"}, {"pattern": "block:4x4"}, {"pattern": "block:04x4"})
    }
    assert len(names) == 2


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("id", ["magnitude", "imp", "swamp", "randomized", "random"])
def test_fixed_masks_have_the_pattern_and_the_exact_count(id, pattern, monkeypatch):
    bench = RecordingBench(epoch=3)
    shapes = {"layer.0.query": (40, 28), "layer.0.output": (32, 52)}
    weights = {
        name: torch.randn(shape, generator=torch.Generator().manual_seed(1)) for name, shape in shapes.items()
    }
    monkeypatch.setattr("tests.engines.test_engines.normal", lambda seed: weights)
    monkeypatch.setattr(
        RecordingBench, "average", lambda self, stage, *rest: self.train(stage, *rest[:3]), raising=False
    )
    changes = {
        "swamp": {"scope": "type"},
        "random": {"densities": "uniform"},
        "randomized": {"ratios": (0.01,)},
    }
    engine = engine_class(id)(sparsity=0.5, pattern=pattern, **changes.get(id, {}))
    engine.check_pattern(shapes)
    engine.prune(bench)
    masks = [mask for *_, mask in bench.trained if mask is not None]
    assert arranged(masks[-1], pattern)
    assert masks[-1].kept_per_matrix() == {"layer.0.query": 560, "layer.0.output": 832}
    for before, after in itertools.pairwise(masks):
        assert before & after == after
        assert pattern == "2:4" or arranged(before, pattern)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("make", SPARSIFIERS.values(), ids=SPARSIFIERS)
def test_masks_made_during_training_have_the_pattern_once_they_are_final(make, pattern, trainer_of, batch):
    if make is SPARSIFIERS["soft-movement"] and pattern == "neuron":
        with pytest.raises(BadInput, match="soft-movement: pattern neuron cannot rank rows of"):
            make(pattern).engine.check_pattern({"a": (2, 3), "b": (2, 4)})
        return
    if make is SPARSIFIERS["smp-s"] and pattern == "2:4":
        with pytest.raises(BadInput, match="Give masking=local"):
            make(pattern)
        return
    trainer = trainer_of(make(pattern), steps=5)
    sparsifier = trainer.sparsifier
    for step in range(5):
        trainer.advance(batch(step))
        sparsifier.check()
        if sparsifier.mask is not None and pattern != "2:4":
            assert arranged(sparsifier.mask, pattern)
    mask = sparsifier.mask
    assert arranged(mask, pattern)
    assert mask.kept == mask.numel // 2
    for name, weight in prunable(trainer.model).items():
        assert torch.count_nonzero(weight[~mask[name]]) == 0


def test_random_rows_and_blocks_follow_densities_and_counts():
    shapes = {"a": torch.Size((8, 16)), "b": torch.Size((16, 8)), "c": torch.Size((32, 32))}
    kept = Random(sparsity=0.5, pattern="block:2x2").kept(shapes)
    assert sum(kept.values()) == 4 * kept_count(320, 0.5)
    assert kept == {"a": 128, "b": 128, "c": 4 * 96}  # the first two are dense
    assert Random(sparsity=0.5, pattern="neuron", densities="uniform").kept(shapes)["a"] == 64
    assert Random(sparsity=0.5, counts=(64, 64, 512), pattern="neuron").kept(shapes)["c"] == 512
    for changes, message in [
        ({"pattern": "neuron"}, "random: densities=erk .* rows of 8 to 32 weights. Give densities=uniform"),
        ({"pattern": "2:4"}, "random: with the pattern 2:4 .* Give densities=uniform"),
        ({"counts": (64, 66, 510), "pattern": "neuron"}, "keep 66 weights of b, not a multiple of 8"),
    ]:
        with pytest.raises(BadInput, match=message):
            Random(sparsity=0.5, **changes).kept(shapes)


@pytest.mark.parametrize(
    ("id", "settings", "message"),
    [
        ("magnitude", {"pattern": "2:4"}, "magnitude: sparsity is 0.9375, but .* 2:4 has 0.5"),
        ("gmp", {"pattern": "4:8", "sparsity": 0.4}, "gmp: sparsity is 0.4, but .* 4:8 has 0.5"),
        ("acdc", {"pattern": "1:4", "sparsity": 0.5}, "acdc: sparsity is 0.5, but .* 1:4 has 0.75"),
        ("imp", {"pattern": "block"}, "pattern 'block' is unknown. Give unstructured, neuron, n:m"),
        ("imp", {"pattern": 124}, "imp: pattern is 124; it should be a valid string"),
        (
            "randomized",
            {"pattern": "2:4", "sparsity": 0.5, "distance": 0.05},
            "distance is 0.05, but before the last of 4 levels no mask has the pattern 2:4.* Give levels=1",
        ),
        (
            "randomized",
            {"pattern": "2:4", "sparsity": 0.5, "sampler": "band"},
            "sampler is band, which is not",
        ),
        ("swamp", {"pattern": "neuron"}, "swamp: pattern neuron .* Give the scope type or matrix"),
        (
            "obert",
            {"pattern": "block:5x2"},
            "obert: pattern block:5x2 does not divide 'bert.* R one of 1, 2, 4",
        ),
        (
            "movement",
            {"pattern": "3:5", "sparsity": 0.4},
            "movement: pattern 3:5 does not divide the rows of",
        ),
    ],
)
def test_a_pattern_that_does_not_fit_is_refused_before_any_work(id, settings, message, tiny_model_dir):
    with pytest.raises(BadInput, match=message):
        engine_class(id)(**settings).check(load_encoder(str(tiny_model_dir), 2, 0))


@pytest.mark.parametrize("engine", [Movement, SMP, Magnitude, partial(Random, densities="uniform")])
def test_a_pattern_that_leaves_a_matrix_empty_is_refused(engine):
    with pytest.raises(BadInput, match=r"keeps none of the 384 rows of layer; 0.997396 keeps one"):
        engine(sparsity=0.999, pattern="neuron").check_pattern({"layer": (384, 1536)})
