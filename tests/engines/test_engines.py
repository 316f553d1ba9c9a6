"""The calls that engines make, recorded by a bench that trains nothing."""

from dataclasses import dataclass, field

import pytest
import torch

from workbench.engines import Engine, RaceRules, engine_class, engine_ids
from workbench.engines.imp import IMP
from workbench.engines.ladder import equal_lengths
from workbench.engines.magnitude import Magnitude
from workbench.engines.randomized import Randomized
from workbench.errors import BadInput
from workbench.masks import Mask, topk_mask
from workbench.randomness import torch_generator
from workbench.schedules import Constant, Linear
from workbench.scores import find_criterion, magnitude


@dataclass(frozen=True)
class FakeState:
    weights: dict
    history: tuple = ()

    def with_encoder_of(self, other):
        return FakeState(other.weights, (*self.history, "rewound"))

    def fresh(self):
        return FakeState(self.weights, (*self.history, "fresh"))


def normal(seed):
    shapes = {"layer.0.query": (40, 30), "layer.0.output": (30, 50)}
    return {
        name: torch.randn(*shape, generator=torch_generator(seed, name)) for name, shape in shapes.items()
    }


@dataclass
class RecordingBench:
    """Training applies the mask and scales the weights a little; candidate `favourite` wins every race."""

    seed: int = 0
    favourite: int = 0
    epoch: int = 100
    trained: list = field(default_factory=list)
    raced: list = field(default_factory=list)

    def pretrained(self):
        return FakeState(normal("pretrained"))

    def dense(self):
        return FakeState(normal("dense"), ("dense",))

    def steps(self, epochs, batch_size):
        return round(epochs * self.epoch * 64 / batch_size)

    def train(self, stage, state, config, mask=None):
        self.trained.append((stage, state, config, mask))
        weights = {name: weight * 1.01 for name, weight in state.weights.items()}
        if isinstance(mask, Mask):
            weights = {name: weight * mask[name] for name, weight in weights.items()}
        return FakeState(weights, (*state.history, stage))

    def scores(self, state, criterion):
        return find_criterion(criterion)(state.weights)

    def winner(self, stage):
        return FakeState(self.dense().weights, (f"winner of {stage}",))

    def race(self, stage, state, pool, config, rules):
        candidates = pool()
        masks, labels = (
            [candidate.mask for candidate in candidates],
            [candidate.about for candidate in candidates],
        )
        self.raced.append((stage, masks, config, rules, labels))
        return masks[self.favourite]


def test_magnitude_prunes_once():
    bench = RecordingBench()
    state = Magnitude(sparsity=0.9).prune(bench)
    ((stage, parent, config, mask),) = bench.trained
    assert (stage, parent.history, config.steps) == ("level-1", ("dense",), 1000)
    assert mask == topk_mask(magnitude(bench.dense().weights), 0.9)
    assert state.history == ("dense", "level-1")


def test_imp_prunes_along_the_ladder_with_nested_masks():
    bench = RecordingBench()
    state = IMP(sparsity=0.9, levels=3).prune(bench)
    assert state.history == ("dense", "level-0", "level-1", "level-2", "level-3")
    masks = [mask for *_, mask in bench.trained[1:]]
    assert [round(mask.sparsity, 2) for mask in masks] == [0.63, 0.87, 0.9]
    assert masks[0] & masks[1] == masks[1]
    assert masks[1] & masks[2] == masks[2]
    schedules = [type(config.schedule) for _, _, config, _ in bench.trained]
    assert schedules == [Constant, Constant, Constant, Linear]


def test_imp_with_rewinding_trains_the_pretrained_encoder_at_each_level():
    bench = RecordingBench()
    IMP(sparsity=0.9, levels=2, rewind="encoder", scope="global").prune(bench)
    for stage, parent, _, mask in bench.trained[1:]:
        assert parent.history[-1] == "rewound", stage
        assert torch.equal(parent.weights["layer.0.query"], bench.pretrained().weights["layer.0.query"])
        assert mask.kept == mask.numel - round(mask.sparsity * mask.numel)
    assert bench.trained[1][3] == topk_mask(
        magnitude({name: 1.01 * weight for name, weight in bench.dense().weights.items()}),
        IMP(sparsity=0.9, levels=2).sparsities[0],
        "global",
    )


def test_imp_without_a_dense_stage_starts_from_the_dense_model():
    bench = RecordingBench()
    IMP(sparsity=0.9, levels=1, dense_epochs=0).prune(bench)
    assert [stage for stage, *_ in bench.trained] == ["level-1"]


def test_equal_lengths_sum_to_the_total():
    assert equal_lengths(10, [1] * 4) == [2, 3, 2, 3]
    assert equal_lengths(8, [1] * 4) == [2, 2, 2, 2]
    assert all(sum(equal_lengths(total, [1] * 3)) == total for total in range(3, 40))


@pytest.mark.parametrize("copies", [[4, 4, 4], [1, 1, 4, 4], [2, 2, 3]])
def test_levels_with_several_copies_share_the_steps(copies):
    for total in range(sum(copies), 60):
        lengths = equal_lengths(total, copies)
        spent = sum(length * count for length, count in zip(lengths, copies, strict=True))
        assert 0 <= total - spent < copies[-1]
        assert max(lengths) - min(lengths) <= 1


def test_randomized_follows_the_paper():
    bench = RecordingBench(favourite=5)
    Randomized().prune(bench)
    assert [stage for stage, *_ in bench.trained] == [f"level-{level}" for level in range(5)]
    assert [stage for stage, *_ in bench.raced] == [f"level-{level}/race" for level in range(1, 5)]
    for (_, pool, config, rules, labels), (_, _, full, mask) in zip(
        bench.raced, bench.trained[1:], strict=True
    ):
        assert len(pool) == len(set(pool)) == 8
        assert mask == pool[5]
        assert [label["ratio"] for label in labels] == [5e-5, 1e-4, 8e-5, 3e-4] * 2
        assert (config.steps, config.lr, config.eval_every) == (100, 2e-4, 10)
        assert rules == RaceRules(average=10, rounds=1, by="metric")
        assert (full.steps, full.lr, full.batch_size) == (1000, 5e-5, 64)
        assert config.distillation == full.distillation
        assert full.distillation.mode == "tinybert"
    levels = [mask for *_, mask in bench.trained[1:]]
    assert [round(mask.sparsity, 3) for mask in levels] == [0.542, 0.82, 0.923, 0.937]
    for parent, (_, pool, *_) in zip(levels, bench.raced[1:], strict=False):
        assert all(parent & child == child for child in pool)
    assert type(bench.trained[-1][2].schedule) is Linear


def test_pools_are_deterministic_given_the_seed_and_differ_between_seeds():
    def pools(seed):
        bench = RecordingBench(seed=seed)
        Randomized(sparsity=0.5, ladder=(0.2, 0.5), candidates=2).prune(bench)
        return [pool for _, pool, *_ in bench.raced]

    assert pools(0) == pools(0)
    assert all(left != right for left, right in zip(pools(0), pools(1), strict=True))


def test_the_control_races_copies_of_the_magnitude_mask():
    bench = RecordingBench(favourite=2)
    Randomized(sampler="magnitude", candidates=3, levels=2).prune(bench)
    for (_, pool, *_, labels), (_, parent, _, mask) in zip(bench.raced, bench.trained[1:], strict=True):
        assert set(pool) == {topk_mask(magnitude(parent.weights), mask.sparsity)} == {mask}
        assert labels == [{"ratio": None, "from_magnitude": 0.0}] * 3


def test_a_distance_takes_the_place_of_ratios():
    bench = RecordingBench()
    Randomized(sparsity=0.6, ladder=(0.4, 0.6), candidates=3, distance=0.1, with_magnitude=True).prune(bench)
    for _, pool, _, _, labels in bench.raced:
        distances = [label["from_magnitude"] for label in labels]
        assert distances[:3] == pytest.approx([0.1] * 3, abs=0.03)  # matrices of 1,200 and 1,500 weights
        assert distances[3] == 0
        assert all(label["ratio"] is None for label in labels)
        assert len(set(pool)) == 4


@pytest.mark.parametrize(("sampler", "ratios"), [("uniform", {None}), ("band", {0.01, 0.02})])
def test_the_released_codes_other_samplers(sampler, ratios):
    bench = RecordingBench()
    Randomized(sparsity=0.5, levels=1, candidates=4, sampler=sampler, ratios=(0.01, 0.02)).prune(bench)
    ((_, pool, _, _, labels),) = bench.raced
    assert {label["ratio"] for label in labels} == ratios
    assert len(set(pool)) == 4
    assert all(label["from_magnitude"] > 0 for label in labels)


def test_settings_of_a_race_reach_the_bench_and_a_kept_winner_is_trained_on():
    bench = RecordingBench()
    changes = {"early_score": "loss", "shared_order": True, "keep_winner": True, "full_scores": True}
    Randomized(levels=1, candidates=2, full_orders=3, **changes).prune(bench)
    early, *full = bench.raced
    assert early[3] == RaceRules(average=10, by="loss", shared_order=True, keep_weights=True)
    assert early[2].keep == "last"
    assert [stage for stage, *_ in full] == ["level-1/full", "level-1/full-1", "level-1/full-2"]
    assert all(rules == RaceRules(average=1, shared_order=True) for *_, rules, _ in full)
    assert bench.trained[-1][1].history == ("winner of level-1/race",)


@pytest.mark.parametrize("engine", [id for id in engine_ids() if id not in ("smp", "swamp", "ticket")])
@pytest.mark.parametrize("start", ["dense", "pretrained"])
def test_every_engine_can_start_at_the_dense_model_and_at_the_pretrained_encoder(engine, start):
    bench = RecordingBench()
    engine_class(engine)(sparsity=0.5, start=start).prune(bench)
    first = bench.trained[0][1]
    assert torch.equal(first.weights["layer.0.query"], normal(start)["layer.0.query"])
    assert first.history[:1] == (("dense",) if start == "dense" else ())


def test_smp_starts_at_the_pretrained_encoder_alone():
    with pytest.raises(BadInput, match="smp: start is 'dense'"):
        engine_class("smp")(start="dense")


def test_imp_can_decay_in_every_level():
    bench = RecordingBench()
    IMP(sparsity=0.9, levels=3, decay="every").prune(bench)
    assert [type(config.schedule) for _, _, config, _ in bench.trained] == [Constant, *[Linear] * 3]


def test_halving_and_full_scores():
    bench = RecordingBench()
    Randomized(halving=True, full_scores=True, levels=1).prune(bench)
    (early, full) = bench.raced
    assert early[3].rounds == 3
    assert (full[0], full[2].steps, full[2].lr) == ("level-1/full", 1000, 5e-5)
    assert full[1] == early[1]
    assert len(bench.trained) == 2


def test_the_built_in_engines_are_registered():
    assert {"imp", "magnitude", "randomized"} <= set(engine_ids())
    assert engine_class("randomized") is Randomized
    assert issubclass(Randomized, Engine)


def test_an_engine_and_a_criterion_from_outside_the_package(registries, tmp_path, tiny_model_dir):
    """A new criterion is one function and a new engine is one class; neither edits the package."""
    from workbench import Distillation, FineTuning, RunSpec, prune
    from workbench.scores import criterion
    from workbench.settings import settings

    @criterion
    def smallest(weights):
        return {name: -weight.abs() for name, weight in weights.items()}

    @settings
    class Backwards(Engine):
        """Keeps the smallest weights."""

        id = "backwards"

        def prune(self, bench):
            dense = bench.dense()
            mask = topk_mask(find_criterion("smallest")(dense.weights), self.sparsity)
            return bench.train(
                "level-1", dense, self.training_config(bench.steps(self.epochs, self.batch_size)), mask
            )

    spec = RunSpec.from_plain(
        {
            "task": "synth/sst2",
            "model": str(tiny_model_dir),
            "engine": {"id": "backwards", "sparsity": 0.5, "distillation": {"mode": "none"}},
            "scale": 0.01,
            "dense": {"epochs": 0.05},
        }
    )
    assert spec.engine == Backwards(sparsity=0.5, distillation=Distillation(mode="none"))
    assert spec.dense == FineTuning(epochs=0.05)
    run = prune(spec, store=tmp_path)
    assert run.name.startswith("synth-sst2-backwards-")
    assert run.results["engine"] == "backwards"
    assert run.mask().kept == run.mask().numel // 2
