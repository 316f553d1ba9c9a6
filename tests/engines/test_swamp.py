"""The calls that `swamp` and `imp` with rewinding make to a bench."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
import torch
from torch import nn

from tests.engines.test_engines import RecordingBench
from workbench.engines.imp import IMP
from workbench.engines.swamp import Swamp
from workbench.errors import BadInput
from workbench.masks import topk_mask
from workbench.schedules import Held
from workbench.scores import magnitude


@dataclass
class AveragingBench(RecordingBench):
    """Records averages, and performs each as a single training."""

    averaged: list = field(default_factory=list)

    def average(self, stage, state, config, mask, particles):
        self.averaged.append((stage, config, mask, particles))
        return self.train(stage, state, config, mask)


def test_a_level_removes_a_fifth_of_the_remaining_weights_and_the_last_one_fewer():
    assert Swamp(sparsity=0.5).sparsities == pytest.approx((0.2, 0.36, 0.488, 0.5))
    assert Swamp(sparsity=0.488).sparsities == pytest.approx((0.2, 0.36, 0.488))
    assert len(Swamp(sparsity=0.9).sparsities) == 11
    assert IMP(sparsity=0.9, prune_share=0.2).sparsities == Swamp(sparsity=0.9).sparsities


def test_every_level_averages_particles_from_the_same_rewind_point():
    bench = AveragingBench()
    state = Swamp(sparsity=0.5).prune(bench)
    assert [stage for stage, *_ in bench.averaged] == ["level-1", "level-2", "level-3", "level-4"]
    assert state.history == ("level-4",), "each level starts from the rewind point"
    masks = [mask for *_, mask, _ in bench.averaged]
    assert all(small & large == small for large, small in pairwise(masks))
    assert masks[-1].kept == masks[-1].numel // 2
    assert masks[0] == topk_mask(magnitude(bench.dense().weights), 0.2, "global")
    for _, parent, *_ in bench.trained:
        assert torch.equal(parent.weights["layer.0.query"], bench.pretrained().weights["layer.0.query"])
    for _, config, _, particles in bench.averaged:
        assert particles == 4
        assert (config.steps, config.keep, config.average_from) == (300, "last", 0.75)
        assert config.schedule == Held(warmup=0.1, hold_from=0.75)
        assert sum(map(config.averages_at, range(1, 301))) == 5


def test_averaging_and_particles_can_be_turned_off():
    bench = AveragingBench()
    Swamp(sparsity=0.5, averaging=False, particles=1).prune(bench)
    for _, config, _, particles in bench.averaged:
        assert particles == 1
        assert (config.keep, config.average_from, config.eval_every) == ("best", None, 50)
        assert config.schedule == Held(warmup=0.1, hold_from=0.75), "at the same learning rates"


def test_swamp_plus_has_one_particle_at_low_sparsity():
    bench = AveragingBench()
    Swamp(sparsity=0.7, particles=3, particles_from=0.5).prune(bench)
    counts = [particles for *_, particles in bench.averaged]
    assert counts == [1, 1, 1, 3, 3, 3]


@pytest.mark.parametrize("changes", [{}, {"particles_from": 0.5}, {"particles": 3}])
def test_total_steps_count_all_particles(changes):
    bench = AveragingBench()
    engine = Swamp(sparsity=0.7, total_steps=1000, **changes)
    engine.prune(bench)
    spent = sum(config.steps * particles for _, config, _, particles in bench.averaged)
    assert 0 <= 1000 - spent < engine.particles


def test_the_rewind_point_can_follow_some_dense_training():
    bench = AveragingBench()
    engine = Swamp(sparsity=0.5, rewind_epochs=0.5, dense_epochs=2.0)
    engine.prune(bench)
    stages = {stage: (parent, config, mask) for stage, parent, config, mask in bench.trained}
    assert stages["rewind"][0].history == ()
    assert (stages["rewind"][1].steps, stages["rewind"][1].keep, stages["rewind"][2]) == (50, "last", None)
    assert stages["level-0"][0].history == ("rewind", "fresh")
    assert stages["level-0"][1].steps == 200
    assert all(stages[stage][0].history == ("rewind", "fresh") for stage, *_ in bench.averaged)


def test_without_rewinding_levels_continue_from_the_average():
    bench = AveragingBench()
    assert Swamp(sparsity=0.5, rewind="none").prune(bench).history == (
        "dense",
        "level-1",
        "level-2",
        "level-3",
        "level-4",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"particles": 0}, "particles is 0"),
        ({"hold_from": None}, "hold_from is None. Give hold_from"),
        ({"hold_from": 0.05}, "above the warm-up"),
        ({"rewind_epochs": 1.0}, "dense_epochs above 0"),
        ({"prune_share": 1.0}, "prune_share is 1.0"),
        ({"levels": 3}, "prune_share=null with levels"),
        ({"prune_share": None}, "levels is None"),
        ({"rewind": True}, "rewind is True"),
        ({"ladder": (0.5, 0.8)}, "ladder ends at 0.8, but sparsity is 0.9. Make them equal"),
    ],
)
def test_impossible_settings_are_rejected(changes, message):
    with pytest.raises(BadInput, match=message):
        Swamp(sparsity=0.9, **changes)


def test_too_few_steps_for_all_particles_are_rejected_before_any_training():
    bench = AveragingBench()
    with pytest.raises(BadInput, match=r"total_steps is 15.*Give at least 16"):
        Swamp(sparsity=0.5, total_steps=15).prune(bench)
    assert bench.trained == []


def test_a_model_without_batchnorm_cannot_be_recalibrated():
    plain = nn.Sequential(nn.Linear(4, 4))
    normed = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
    Swamp().check(plain)
    Swamp(recalibrate=True).check(normed)
    with pytest.raises(BadInput, match="no BatchNorm"):
        Swamp(recalibrate=True).check(plain)
