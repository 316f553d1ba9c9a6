"""Gradual pruning: when, how much, and what happens to pruned weights."""

import itertools

import pytest
import torch

from workbench.engines.gmp import GMP, CriterionPruning, ReturningPruning
from workbench.engines.obert import OBERT, SurgeonPruning
from workbench.errors import BadInput
from workbench.masks import kept_count, topk_mask
from workbench.models import prunable
from workbench.resources import recipe_path
from workbench.runs import RunSpec
from workbench.scores import find_criterion

PLAN = {1: 0.5, 3: 0.7, 5: 0.9}


def plain(plan, criterion="magnitude", scope="matrix"):
    return CriterionPruning(plan, scope, criterion, seed=0)


def returning(plan, criterion="magnitude"):
    return ReturningPruning(plan, "matrix", criterion, seed=0)


def second_order(plan):
    return SurgeonPruning(plan, "global", block=50, damp=1e-4, gradients=3)


def weights_of(trainer):
    return {name: tensor.clone() for name, tensor in trainer.tensors().items()}


def test_the_recipe_prunes_as_published():
    engine = RunSpec.from_yaml(recipe_path("sparse-fine-tuning")).engine
    plan = engine.plan(1000)
    assert list(plan) == list(range(200, 801, 10))
    published = [0.700, 0.784, 0.841, 0.875, 0.893, 0.899, 0.900]
    assert [plan[step] for step in range(200, 801, 100)] == pytest.approx(published, abs=6e-4)
    assert plan[800] == engine.sparsity == 0.9
    assert all(left <= right for left, right in itertools.pairwise(plan.values()))
    assert OBERT(sparsity=0.9).plan(1000) == plan


class RecordingBench:
    """A bench that records what it is asked to train."""

    seed = 0

    def pretrained(self):
        return "pretrained"

    def dense(self):
        return "dense"

    def steps(self, epochs, batch_size):
        return round(100 * epochs)

    def train(self, stage, state, config, mask=None):
        self.state, self.config, self.sparsifier = state, config, mask


def test_the_recipe_trains_as_published():
    bench = RecordingBench()
    RunSpec.from_yaml(recipe_path("sparse-fine-tuning")).engine.prune(bench)
    config = bench.config
    rates = [config.lr * config.schedule(epoch / 10) for epoch in (0, 1, 2, 5, 10)]
    assert rates == pytest.approx([1e-4, 5.05e-5, 1e-4, 5.05e-5, 1e-6])
    assert (config.steps, config.batch_size, config.keep, config.weight_decay) == (1000, 32, "last", 0)
    distillation = config.distillation
    assert (distillation.mode, distillation.hardness, distillation.temperature) == ("logits", 1.0, 5.5)
    assert bench.state == "pretrained"
    assert type(bench.sparsifier) is CriterionPruning


def test_gmp_decays_once_and_lets_weights_return_by_default():
    bench = RecordingBench()
    GMP(start="dense").prune(bench)
    assert bench.state == "dense"
    assert type(bench.sparsifier) is ReturningPruning
    assert [bench.config.schedule(p) for p in (0.1, 0.55, 1)] == pytest.approx([1, 0.5, 0])


@pytest.mark.parametrize("steps", [1, 2, 7, 100])
def test_a_short_run_still_reaches_its_sparsity(steps):
    plan = GMP(sparsity=0.9).plan(steps)
    assert max(plan) < steps
    assert plan[max(plan)] == 0.9
    assert GMP(sparsity=0.9, start_epoch=0, end_epoch=0, first_sparsity=0.7).plan(steps) == {0: 0.9}
    assert set(GMP(sparsity=0.5, first_sparsity=0.7).plan(steps).values()) == {0.5}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start_epoch": 5.0, "end_epoch": 4.0}, "does not fit into 10.0 epochs"),
        ({"end_epoch": 11.0}, "does not fit into 10.0 epochs"),
        ({"first_sparsity": 1.5}, "first_sparsity is 1.5"),
        ({"criterion": "magnitud"}, "Did you mean magnitude"),
    ],
)
def test_impossible_settings_are_rejected(settings, message):
    with pytest.raises(BadInput, match=message):
        GMP(**settings)


@pytest.mark.parametrize("kind", [plain, returning, second_order])
def test_every_pruning_step_keeps_exactly_the_planned_count(kind, trainer_of, batch):
    trainer = trainer_of(kind(PLAN))
    sparsifier, masks = trainer.sparsifier, []
    for step in range(8):
        assert sparsifier.settled == (step > 5)
        trainer.advance(batch(step))
        mask = sparsifier.mask
        masks.append(mask)
        if step == 0:
            assert mask is None
            continue
        sparsity = PLAN[max(planned for planned in PLAN if planned <= step)]
        if kind is second_order:
            assert mask.kept == kept_count(mask.numel, sparsity)
        else:
            sizes = {name: weight.numel() for name, weight in prunable(trainer.model).items()}
            assert mask.kept_per_matrix() == {name: kept_count(n, sparsity) for name, n in sizes.items()}
        for name, weight in prunable(trainer.model).items():
            assert torch.count_nonzero(weight[~mask[name]]) == 0
        sparsifier.check()
    assert [left == right for left, right in itertools.pairwise(masks[1:])] == [
        step not in PLAN for step in range(2, 8)
    ]


@pytest.mark.parametrize("kind", [plain, second_order])
@pytest.mark.parametrize("changes", [{}, {"optimizer": "sgd", "weight_decay": 0.1}])
def test_pruned_weights_stay_pruned(kind, changes, trainer_of, batch):
    trainer = trainer_of(kind(PLAN), **changes)
    masks = []
    for step in range(8):
        trainer.advance(batch(step))
        masks.append(trainer.sparsifier.mask)
    for before, after in itertools.pairwise(masks[1:]):
        assert before & after == after


def test_a_weight_returns_when_it_ranks_high_enough(trainer_of, batch):
    trainer = trainer_of(returning({0: 0.5, 2: 0.5}), optimizer="sgd", momentum=0.0, lr=1e-4)
    name, weight = next(iter(prunable(trainer.model).items()))
    before = weight.detach().clone()
    trainer.advance(batch(0))
    gone = ~trainer.sparsifier.mask[name]
    trainer.advance(batch(1))
    with torch.no_grad():
        weight[~gone] *= 1e-6
    trainer.advance(batch(2))
    assert trainer.sparsifier.mask[name].equal(gone)
    # Behind the mask the weights had neither gradient nor momentum; only the last step moved them.
    assert torch.allclose(weight[gone], before[gone], atol=1e-4)
    assert not torch.equal(weight[gone], before[gone])


def test_momentum_moves_values_behind_the_mask_and_gradients_do_not(trainer_of, batch):
    def behind(momentum):
        trainer = trainer_of(returning({1: 0.5}), optimizer="sgd", momentum=momentum)
        values = []
        for step in range(3):
            trainer.advance(batch(step))
            values.append(trainer.sparsifier.tensors())
        name = next(key for key in values[1] if key.startswith("behind."))
        return values[1][name], values[2][name]

    still, moved = behind(0.0), behind(0.9)
    assert torch.equal(*still)
    assert not torch.equal(*moved)


@pytest.mark.parametrize("kind", [plain, returning, second_order, lambda plan: plain(plan, "wanda")])
@pytest.mark.parametrize("stop", [1, 4, 7])
def test_a_restored_trainer_continues_bit_for_bit(kind, stop, trainer_of, batch):
    whole = trainer_of(kind(PLAN))
    for step in range(8):
        whole.advance(batch(step))
    first, second = trainer_of(kind(PLAN)), trainer_of(kind(PLAN))
    for step in range(stop):
        first.advance(batch(step))
    second.restore(weights_of(first), first.optimizer_steps, step=stop)
    assert second.sparsifier.mask == first.sparsifier.mask
    for step in range(stop, 8):
        second.advance(batch(step))
    left, right = weights_of(whole), weights_of(second)
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_a_revived_weight_is_never_saved(trainer_of, batch):
    trainer = trainer_of(plain({0: 0.5}))
    trainer.advance(batch(0))
    name, weight = next(iter(prunable(trainer.model).items()))
    with torch.no_grad():
        weight[~trainer.sparsifier.mask[name]] = 1e-9
    with pytest.raises(RuntimeError, match=f"{name} is not zero at step 1"):
        trainer.tensors()


def test_a_random_criterion_prunes_in_the_same_order_at_every_step(trainer_of, batch):
    trainer = trainer_of(plain(PLAN, "random"))
    for step in range(6):
        trainer.advance(batch(step))
    scores = find_criterion("random")(prunable(trainer.model), seed=0)
    assert trainer.sparsifier.mask == topk_mask(scores, 0.9)


def test_every_sampled_batch_is_reported(trainer_of, batch):
    for kind, batches in [(plain, 0), (lambda plan: plain(plan, "first_order"), 8), (second_order, 3)]:
        trainer, sampled = trainer_of(kind({0: 0.5, 1: 0.6})), []
        trainer.on_sample = sampled.append
        for step in range(3):
            trainer.advance(batch(step))
        assert len(sampled) == 2 * batches
