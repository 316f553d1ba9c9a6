"""Dynamic sparse training: when masks are updated, what is dropped, what is grown, and how it starts."""

import copy
import math

import pytest
import torch

from tests.engines.test_engines import RecordingBench
from workbench.engines import engine_class
from workbench.engines.densities import kept_by_density
from workbench.engines.dynamic import grown
from workbench.engines.random import Random
from workbench.engines.rigl import ByGradient, RigL
from workbench.engines.set import SET, AtRandom
from workbench.errors import BadInput
from workbench.masks import Mask, topk_counts, topk_mask
from workbench.models import prunable
from workbench.schedules import Linear
from workbench.scores import magnitude, random
from workbench.training import FixedMask
from workbench.training.optimizer import MOMENTS

PLAN = {2: 0.5, 4: 0.3}
KINDS = [AtRandom, ByGradient]


@pytest.fixture
def first(model):
    """A random mask of the tiny classifier with ERK densities."""
    weights = prunable(model)
    kept = kept_by_density({name: weight.shape for name, weight in weights.items()}, 0.8, "erk")
    return topk_counts(random(weights, 3), kept)


def copied(trainer):
    return {name: tensor.detach().clone() for name, tensor in trainer.tensors().items()}


def watched(kind):
    """A kind that remembers all gradients of a step, before any of them is masked."""

    class Watched(kind):
        def before_step(self):
            self.gradients = {name: weight.grad.clone() for name, weight in self.weights.items()}
            super().before_step()

    return Watched


@pytest.mark.parametrize("engine", ["set", "rigl"])
def test_there_is_one_training_from_the_first_mask_of_random(engine):
    bench, other = RecordingBench(seed=5), RecordingBench(seed=5)
    engine_class(engine)(sparsity=0.9, densities="erk").prune(bench)
    Random(sparsity=0.9).prune(other)
    ((stage, parent, config, sparsifier),) = bench.trained
    assert (stage, parent.history, config.steps) == ("level-1", (), 1000)
    assert config == other.trained[0][2]
    assert config.schedule == Linear(warmup=0.1)
    assert sparsifier._first == other.trained[0][3]


def test_a_magnitude_mask_keeps_the_largest_weights_of_the_state_it_starts_from():
    bench = RecordingBench()
    RigL(sparsity=0.9, first_mask="magnitude", densities="uniform", start="dense").prune(bench)
    assert bench.trained[0][3]._first == topk_mask(magnitude(bench.dense().weights), 0.9)


def test_rigl_updates_every_100_steps_with_a_cosine_that_ends_at_three_quarters():
    plan = RigL().plan(32_000, 100, ByGradient)
    assert list(plan) == list(range(0, 24_000, 100))
    assert plan[0] == 0.3
    assert plan[12_000] == pytest.approx(0.15)
    assert plan[6_000] == pytest.approx(0.15 * (1 + math.sqrt(0.5)))
    assert 0 < plan[23_900] < 1e-4


def test_set_updates_after_each_epoch_but_the_last():
    bench = RecordingBench(epoch=37)
    SET(epochs=4.0).prune(bench)
    assert bench.trained[0][3].plan == {37: 0.3, 74: 0.3, 111: 0.3}


def test_without_a_share_to_drop_there_are_no_updates():
    assert RigL(drop=0).plan(1000, 100, ByGradient) == {}
    assert SET(until=0).plan(1000, 100, AtRandom) == {}


def test_a_run_that_ends_before_the_first_update_is_rejected():
    with pytest.raises(BadInput, match=r"set: .* after 100 steps, but updates end at 80 of 80"):
        SET(total_steps=80).prune(RecordingBench())
    RigL(total_steps=80).prune(RecordingBench())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("changes", [{}, {"optimizer": "sgd", "lr": 0.5}], ids=["adamw", "sgd"])
def test_an_update_exchanges_equal_numbers_and_grown_weights_start_from_zero(
    trainer_of, batch, first, kind, changes
):
    sparsifier = kind(first, PLAN, 0)
    trainer = trainer_of(sparsifier, weight_decay=0.1, **changes)
    seen = []
    put = sparsifier._put
    sparsifier._put = lambda mask: (put(mask), seen.append((mask, copied(trainer))))
    masks = [sparsifier.mask]
    for step in range(7):
        trainer.advance(batch(step))
        masks.append(sparsifier.mask)
        now = copied(trainer)
        for name in first:
            assert torch.count_nonzero(now[f"model.{name}"][~masks[-1][name]]) == 0
    changed = [step for step in range(7) if masks[step + 1] != masks[step]]
    assert changed == list(PLAN) == [2, 4]
    assert len(seen) == 2
    for step, (mask, tensors) in zip(changed, seen, strict=True):
        before = masks[step]
        assert mask.kept_per_matrix() == before.kept_per_matrix() == first.kept_per_matrix()
        for name in first:
            came, went = mask[name] & ~before[name], before[name] & ~mask[name]
            assert 0 < int(came.sum()) == int(went.sum()) <= PLAN[step] * int(before[name].sum())
            for moment in ("model", *MOMENTS[trainer.config.optimizer]):
                assert torch.count_nonzero(tensors[f"{moment}.{name}"][came | went]) == 0
            assert torch.count_nonzero(tensors[f"model.{name}"][mask[name] & before[name]]) > 0


def test_rigl_drops_the_smallest_and_grows_the_largest_gradients_of_all_weights(trainer_of, batch, first):
    sparsifier = watched(ByGradient)(first, PLAN, 0)
    trainer = trainer_of(sparsifier)
    for step in range(5):
        before = copied(trainer), sparsifier.mask
        trainer.advance(batch(step))
        if step not in PLAN:
            continue
        tensors, old = before
        for name in first:
            weight, gradient = tensors[f"model.{name}"].flatten(), sparsifier.gradients[name].flatten()
            assert torch.count_nonzero(gradient[~old[name].flatten()]) > 0, "of pruned weights too"
            kept = old[name].flatten().nonzero().flatten()
            order = kept[weight[kept].abs().argsort()]
            stay = order[math.floor(PLAN[step] * len(kept)) :]
            others = torch.ones_like(weight, dtype=torch.bool)
            others[stay] = False
            candidates = others.nonzero().flatten()
            best = candidates[gradient[candidates].abs().argsort(descending=True)][: len(kept) - len(stay)]
            assert (
                sorted([*stay.tolist(), *best.tolist()])
                == sparsifier.mask[name].flatten().nonzero().flatten().tolist()
            )


def test_an_update_of_rigl_takes_the_place_of_an_optimizer_step(trainer_of, batch, first):
    sparsifier = ByGradient(first, PLAN, 0)
    trainer = trainer_of(sparsifier, weight_decay=0.1)
    for step in range(3):
        before, mask, age = copied(trainer), sparsifier.mask, trainer.optimizer_steps
        trainer.advance(batch(step))
    assert (trainer.step, trainer.optimizer_steps, age) == (3, 2, 2)
    for name, tensor in copied(trainer).items():
        if name.startswith("sparsifier."):
            continue
        weight = name.partition(".")[2]
        common = mask[weight] & sparsifier.mask[weight] if weight in first.names else True
        assert torch.equal(tensor, before[name] * common), name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("changes", [{}, {"optimizer": "sgd", "lr": 0.5}], ids=["adamw", "sgd"])
def test_without_updates_training_is_that_of_a_fixed_mask_bit_for_bit(
    trainer_of, batch, first, kind, changes
):
    moving, fixed = (trainer_of(mask, **changes) for mask in (kind(first, {}, 0), FixedMask(first)))
    for step in range(4):
        assert moving.advance(batch(step)) == fixed.advance(batch(step))
    left, right = copied(moving), copied(fixed)
    assert left.keys() - right.keys() == {f"sparsifier.{name}" for name in first.names}
    assert all(torch.equal(left[name], right[name]) for name in right)
    assert moving.sparsifier.changed_at == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_restored_at_any_step_goes_on_bit_for_bit(trainer_of, batch, first, kind):
    whole = trainer_of(kind(first, PLAN, 0), average_from=0.2, keep="last", eval_every=1)
    states = []
    for step in range(6):
        states.append((copied(whole), whole.optimizer_steps))
        whole.advance(batch(step))
    expected = copied(whole)
    for at in range(1, 6):
        other = trainer_of(kind(first, PLAN, 0), average_from=0.2, keep="last", eval_every=1)
        tensors, age = states[at]
        other.restore(copy.deepcopy(tensors), age, step=at)
        assert other.sparsifier.mask == Mask.from_tensors(
            {name: tensors[f"sparsifier.{name}"] for name in first}
        )
        for step in range(at, 6):
            other.advance(batch(step))
        found = copied(other)
        assert expected.keys() == found.keys()
        assert all(torch.equal(expected[name], found[name]) for name in expected), at
    assert whole.sparsifier.changed_at == max(PLAN) + (kind is ByGradient)


def test_set_drops_a_share_of_each_sign_and_counts_zero_as_positive(trainer_of):
    values = torch.tensor([[0.0, 0.1, 0.2, 0.3, -0.1, -0.2, 9.0, -9.0]])
    sparsifier = AtRandom.__new__(AtRandom)
    sparsifier._now = FixedMask(Mask.from_tensors({"w": torch.tensor([[True] * 6 + [False] * 2])}))
    sparsifier.weights = {"w": values}
    assert sparsifier.survivors(0.5)["w"].tolist() == [[False, False, True, True, False, True, False, False]]
    assert sparsifier.survivors(0.3)["w"].tolist() == [[False, True, True, True, True, True, False, False]]
    assert sparsifier.survivors(0.0) == sparsifier.mask
    assert sparsifier.survivors(1.0).kept == 0


def test_set_grows_at_random_and_differently_in_each_update_and_for_each_seed(trainer_of, batch, first):
    def after_two_steps(seed, plan):
        trainer = trainer_of(AtRandom(first, plan, seed), lr=1e-9)
        for step in range(2):
            trainer.advance(batch(step))
        return trainer.sparsifier.mask

    masks = [after_two_steps(*at) for at in [(0, {0: 0.5}), (0, {1: 0.5}), (1, {0: 0.5})]]
    assert len(set(masks)) == 3
    assert masks[0] == after_two_steps(0, {0: 0.5})
    for one, other in [(0, 1), (0, 2)]:
        fresh = [mask & ~first for mask in (masks[one], masks[other])]
        assert fresh[0].common(fresh[1]) < 0.3 * fresh[0].kept, "an eighth by chance"


def test_a_weight_that_was_just_dropped_can_be_grown_again():
    survivors = Mask.from_tensors({"w": torch.tensor([True, False, False, False])})
    scores = {"w": torch.tensor([0.0, 3.0, 1.0, 2.0])}
    assert grown(survivors, scores, {"w": 2})["w"].tolist() == [True, True, False, False]
    assert grown(survivors, scores, {"w": 3})["w"].tolist() == [True, True, False, True]
