"""Masks from trained scores: gradients, exact counts, frozen weights, and resuming."""

import math

import pytest
import torch
from torch.func import functional_call
from torch.nn import functional as F

from workbench.engines.movement import HardScores, Movement
from workbench.engines.smp import SMP, StaticScores
from workbench.engines.soft_movement import FLOOR, SoftMovement, SoftScores
from workbench.errors import BadInput
from workbench.masks import kept_count, topk_counts, topk_mask
from workbench.masks.grouping import groups
from workbench.models import prunable

ALL = {
    "smp": lambda **changes: StaticScores(SMP(sparsity=0.8, masking="local", **changes)),
    "smp-s": lambda **changes: StaticScores(SMP(sparsity=0.8, **changes)),
    "movement": lambda **changes: HardScores(Movement(sparsity=0.8, **changes)),
    "global": lambda **changes: HardScores(Movement(sparsity=0.8, scope="global", **changes)),
    "soft": lambda **changes: SoftScores(SoftMovement(sparsity=0.8, **changes)),
}
every = pytest.mark.parametrize("make", ALL.values(), ids=ALL)


def copied(trainer):
    return {name: tensor.clone() for name, tensor in trainer.tensors().items()}


@torch.no_grad()
def scored_at(trainer, step):
    """Gives a trainer random scores and moves it to a step."""
    trainer.step = step
    for number, score in enumerate(trainer.sparsifier.scores.values()):
        score.copy_(2 * torch.randn(score.shape, generator=torch.Generator().manual_seed(number)))
    trainer.sparsifier.restore(trainer.sparsifier.tensors())


@every
def test_gradients_match_a_straight_through_estimator(make, trainer_of, batch):
    trainer = trainer_of(make())
    trainer.model.eval()
    scored_at(trainer, 5)
    scores, mask = trainer.sparsifier.scores, trainer.sparsifier.mask
    assert 0.05 < mask.sparsity < 0.9
    latent = {name: tensor.clone() for name, tensor in trainer.sparsifier.tensors().items()}
    latent = {name.removeprefix("latent."): tensor.requires_grad_() for name, tensor in latent.items()}
    inputs = batch(0)
    labels = inputs.pop("labels")

    straight = {name: score.detach().clone().requires_grad_() for name, score in scores.items()}
    through = {name: mask[name] + straight[name] - straight[name].detach() for name in scores}
    weights = {name: latent[name] * through[name] for name in scores}
    F.cross_entropy(functional_call(trainer.model, weights, kwargs=inputs).logits, labels).backward()

    F.cross_entropy(trainer.model(**inputs).logits, labels).backward()
    trainer.sparsifier.before_step()
    for name, weight in prunable(trainer.model).items():
        torch.testing.assert_close(scores[name].grad, straight[name].grad, rtol=1e-4, atol=1e-9)
        assert scores[name].grad[~mask[name]].count_nonzero() > 0, "pruned weights are scored too"
        if trainer.sparsifier.trains_weights:
            torch.testing.assert_close(weight.grad, latent[name].grad, rtol=1e-4, atol=1e-9)
            assert torch.equal(weight, latent[name])
        else:
            assert weight.grad is None


@pytest.mark.parametrize(
    ("make", "factor"), [(ALL["smp"], 400 * (1 - (3 / 8) ** 3)), (ALL["soft"], 400 * (1 - (1 / 5) ** 3))]
)
def test_the_regulariser_is_a_mean_of_means_scaled_by_size_that_ramps_up(make, factor, trainer_of):
    # Step 5 of 8: lambda ramps over the whole training in smp, and with the threshold (steps 1 to 6) in soft.
    trainer = trainer_of(make())
    scored_at(trainer, 5)
    scores = trainer.sparsifier.scores
    penalty = trainer.sparsifier.penalty()
    penalty.backward()
    means = [score.detach().double().sigmoid().mean().item() for score in scores.values()]
    factor *= math.sqrt(sum(score.numel() for score in scores.values()) / 84_934_656)
    assert penalty.item() == pytest.approx(factor * sum(means) / len(means), rel=1e-5)
    for score in scores.values():
        sigmoid = score.detach().sigmoid()
        closed = factor * sigmoid * (1 - sigmoid) / (len(scores) * score.numel())
        torch.testing.assert_close(score.grad, closed, rtol=1e-4, atol=1e-13)
    trainer.step = 0
    assert trainer.sparsifier.penalty().item() == 0


@every
def test_the_count_is_exact_after_the_ramp(make, trainer_of, batch):
    trainer = trainer_of(make(ramp_from=0.25, ramp_until=0.75))
    sizes = {name: weight.numel() for name, weight in prunable(trainer.model).items()}
    together = groups(sizes, trainer.sparsifier.engine.ranked_within).values()
    total = sum(kept_count(sum(sizes[name] for name in names), 0.8) for names in together)
    kept = [trainer.sparsifier.mask.kept]
    for step in range(8):
        trainer.advance(batch(step))
        assert trainer.sparsifier.settled == (step + 1 >= 6)
        kept.append(trainer.sparsifier.mask.kept)
        trainer.sparsifier.check()
        nonzero = sum(int(weight.count_nonzero()) for weight in prunable(trainer.model).values())
        assert nonzero <= kept[-1]
    assert kept[:3] == [trainer.sparsifier.mask.numel] * 3
    assert kept[6:] == [total] * 3
    if not isinstance(trainer.sparsifier, SoftScores):
        assert kept == sorted(kept, reverse=True)


@every
def test_a_trainer_restored_midway_continues_bit_for_bit(make, trainer_of, batch):
    whole = trainer_of(make())
    for step in range(8):
        if step == 4:
            checkpoint, optimizer_steps = copied(whole), whole.optimizer_steps
        whole.advance(batch(step))
    other = trainer_of(make())
    other.advance(batch(7))
    other.restore(checkpoint, optimizer_steps, step=4)
    for step in range(4, 8):
        other.advance(batch(step))
    expected, actual = copied(whole), copied(other)
    assert expected.keys() == actual.keys()
    assert all(torch.equal(expected[name], actual[name]) for name in expected)


def test_pruned_weights_of_movement_keep_moving_and_may_return(trainer_of, batch):
    trainer = trainer_of(ALL["movement"](ramp_from=0.0, ramp_until=0.3), steps=30)
    returned = 0
    for step in range(30):
        before = trainer.sparsifier.mask
        trainer.advance(batch(step))
        now = trainer.sparsifier.mask
        returned += (now & ~before).kept if step > 9 else 0
    assert returned > 0
    name = now.names[0]
    assert trainer.sparsifier.tensors()[f"latent.{name}"][~now[name]].count_nonzero() > 0


def test_only_the_intended_parameters_are_trained(trainer_of, batch):
    def moved(sparsifier, **changes):
        trainer = trainer_of(sparsifier, **changes)
        before = copied(trainer)
        for step in range(4):
            trainer.advance(batch(step))
        names = {name: tensor for name, tensor in copied(trainer).items() if name.startswith("model.")}
        names |= {f"model.{name}": tensor for name, tensor in latents(trainer).items()}
        old = before | {f"model.{name}": before[f"sparsifier.latent.{name}"] for name in latents(trainer)}
        return {name for name, tensor in names.items() if not torch.equal(tensor, old[name])}

    def latents(trainer):
        return {name.removeprefix("latent."): value for name, value in trainer.sparsifier.tensors().items()}

    assert moved(ALL["smp"]()) == set()
    assert moved(ALL["smp"](head="random")) == {"model.classifier.weight", "model.classifier.bias"}
    assert any("embeddings" in name for name in moved(ALL["movement"]()))
    trained = moved(ALL["movement"](), freeze_embeddings=True)
    assert {f"model.{name}" for name in ALL_NAMES} <= trained
    assert "model.classifier.weight" in trained
    assert not any("embeddings" in name for name in trained)


ALL_NAMES = [
    f"bert.encoder.layer.{layer}.{part}.weight"
    for layer in (0, 1)
    for part in ("attention.self.query", "attention.output.dense", "intermediate.dense", "output.dense")
]


def test_a_moved_weight_is_never_saved(trainer_of, batch):
    trainer = trainer_of(ALL["smp"]())
    trainer.advance(batch(0))
    copied(trainer)
    prunable(trainer.model)[ALL_NAMES[1]].data[0, 0] += 1e-7
    with pytest.raises(RuntimeError, match=f"{ALL_NAMES[1]} does not match its mask at step 1"):
        copied(trainer)


def test_masks_equal_those_of_the_exact_ranking(trainer_of):
    trainer = trainer_of(ALL["movement"]())
    scored_at(trainer, 8)
    assert trainer.sparsifier.mask == topk_mask(trainer.sparsifier.scores, 0.8)
    trainer = trainer_of(ALL["global"]())
    scored_at(trainer, 8)
    counts = trainer.sparsifier.mask.kept_per_matrix()
    assert len(set(counts.values())) > 4
    assert trainer.sparsifier.mask == topk_counts(trainer.sparsifier.scores, counts)


@torch.no_grad()
def test_smp_s_distributes_each_type_by_mean_sigmoid(trainer_of):
    trainer = trainer_of(ALL["smp-s"]())
    scored_at(trainer, 8)
    lift = {"layer.0.attention.self.query": 3.0, "layer.1.output.dense": -2.0}
    for name, score in trainer.sparsifier.scores.items():
        score += next((by for part, by in lift.items() if part in name), 0.0)
    trainer.sparsifier.restore(trainer.sparsifier.tensors())
    counts = trainer.sparsifier.mask.kept_per_matrix()
    for kind in ("attention.self.query", "output.dense", "attention.output.dense"):
        names = [f"bert.encoder.layer.{layer}.{kind}.weight" for layer in (0, 1)]
        numel = trainer.sparsifier.scores[names[0]].numel()
        total = kept_count(2 * numel, 0.8)
        assert counts[names[0]] + counts[names[1]] == total
        means = [trainer.sparsifier.scores[name].double().sigmoid().mean().item() for name in names]
        assert counts[names[0]] == pytest.approx(total * means[0] / sum(means), abs=1)


@torch.no_grad()
def test_smp_s_fills_a_matrix_and_passes_the_rest_to_other_layers(trainer_of):
    trainer = trainer_of(StaticScores(SMP(sparsity=0.3)))
    scored_at(trainer, 8)
    for name, score in trainer.sparsifier.scores.items():
        score += 9.0 if "layer.0" in name else -3.0
    trainer.sparsifier.restore(trainer.sparsifier.tensors())
    mask = trainer.sparsifier.mask
    for name, kept in mask.kept_per_matrix().items():
        numel = trainer.sparsifier.scores[name].numel()
        assert kept == (numel if "layer.0" in name else kept_count(2 * numel, 0.3) - numel)


@torch.no_grad()
def test_a_higher_temperature_makes_layers_more_equal(trainer_of):
    def spread(temperature):
        trainer = trainer_of(StaticScores(SMP(sparsity=0.8, temperature=temperature)))
        scored_at(trainer, 8)
        for name, score in trainer.sparsifier.scores.items():
            score += 1.0 if "layer.0" in name else -1.0
        trainer.sparsifier.restore(trainer.sparsifier.tensors())
        return trainer.sparsifier.mask.layer_sparsity().std()

    assert spread(1.0) > spread(4.0) > 0


@torch.no_grad()
def test_the_soft_threshold_respects_its_floor(trainer_of):
    trainer = trainer_of(ALL["soft"](threshold=0.2, ramp_from=0.0, ramp_until=1.0))
    scored_at(trainer, 4)
    name, lowest = ALL_NAMES[:2]
    trainer.sparsifier.scores[lowest] -= 20
    trainer.sparsifier.restore(trainer.sparsifier.tensors())
    mask, threshold = trainer.sparsifier.mask, 0.2 * (1 - 0.5**3)
    assert torch.equal(mask[name], trainer.sparsifier.scores[name].sigmoid() > threshold)
    floor = math.ceil(FLOOR * trainer.sparsifier.scores[lowest].numel())
    assert mask.kept_per_matrix()[lowest] == floor

    trainer.step = 8
    trainer.sparsifier.restore(trainer.sparsifier.tensors())
    assert trainer.sparsifier.mask.kept_per_matrix()[lowest] == floor
    rest = {key: score for key, score in trainer.sparsifier.scores.items() if key != lowest}
    counts = trainer.sparsifier.mask.kept_per_matrix()
    chosen = topk_counts(rest, {key: counts[key] for key in rest})
    assert all(torch.equal(chosen[key], trainer.sparsifier.mask[key]) for key in rest)
    edge = [score[chosen[key]].min().item() for key, score in rest.items()]
    below = [score[~chosen[key]].max().item() for key, score in rest.items()]
    assert max(below) < min(edge), "one threshold for all matrices"


@torch.no_grad()
def test_at_the_highest_sparsity_every_matrix_is_at_its_floor(trainer_of):
    trainer = trainer_of(SoftScores(SoftMovement(sparsity=1 - FLOOR, ramp_until=0.5)))
    scored_at(trainer, 8)
    mask = trainer.sparsifier.mask
    sizes = {name: score.numel() for name, score in trainer.sparsifier.scores.items()}
    floors = {name: kept_count(size, 1 - FLOOR) for name, size in sizes.items()}
    assert mask.kept == kept_count(sum(sizes.values()), 1 - FLOOR)
    above = mask.kept - sum(floors.values())
    assert 0 < above < len(floors), "floors are rounded down"
    assert sum(mask.kept_per_matrix()[name] - floors[name] for name in sizes) == above
    assert all(mask.kept_per_matrix()[name] >= floors[name] for name in sizes)


@pytest.mark.parametrize(
    ("engine", "values", "complaint"),
    [
        (SMP, {"ramp_from": 0.6, "ramp_until": 0.6}, "smp: ramp_from is 0.6 and ramp_until is 0.6"),
        (Movement, {"ramp_until": 0.05}, "give ramp_from < ramp_until"),
        (SoftMovement, {"sparsity": 0.996}, r"keeps 0.5% of every matrix. Give at most 0.995"),
        (SoftMovement, {"threshold": 0.5}, "threshold is 0.5"),
        (SMP, {"masking": "global"}, "masking is 'global'"),
    ],
)
def test_impossible_settings_are_rejected(engine, values, complaint):
    with pytest.raises(BadInput, match=complaint):
        engine(**values)


def test_a_training_of_one_step_reaches_the_sparsity(trainer_of, batch):
    for make in ALL.values():
        trainer = trainer_of(make(), steps=1)
        trainer.advance(batch(0))
        assert trainer.sparsifier.settled
        assert trainer.sparsifier.mask.sparsity == pytest.approx(0.8, abs=2e-3)
