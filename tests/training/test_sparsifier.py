import copy

import pytest
import torch
from torch import nn

from workbench.errors import BadInput
from workbench.masks import Mask, topk_mask
from workbench.models import prunable
from workbench.scores import magnitude
from workbench.training import Distillation, FixedMask, MaskedTrainer, Sparsifier, TrainingConfig, mean_of


def training_config(steps=6, **changes):
    return TrainingConfig(
        **{"steps": steps, "lr": 1e-2, "eval_every": 2, "distillation": Distillation(mode="none"), **changes}
    )


class Learned(Sparsifier):
    """Trains one score a matrix and prunes half of the weights of the matrix with the lowest score."""

    lr = 0.5

    def attach(self, training):
        super().attach(training)
        self.scores = {name: nn.Parameter(torch.zeros(())) for name in self.weights}
        self.seen = []

    def parameters(self):
        return {f"score.{name}": score for name, score in self.scores.items()}

    def penalty(self):
        return sum((score - 1) ** 2 for score in self.scores.values())

    def before_step(self):
        for name, weight in self.weights.items():
            self.scores[name].grad += weight.grad.sum()

    @torch.no_grad()
    def after_step(self):
        self.seen += [int(batch["labels"].sum()) for batch in self.training.sample(2, 4)]
        keep = self.mask
        keep.apply_(self.training.model)
        self.settled = self.training.step >= 4

    @property
    def mask(self):
        lowest = min(self.scores, key=lambda name: self.scores[name].item())
        half = topk_mask(magnitude({lowest: self.weights[lowest]}), 0.5)
        full = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in self.weights.items()}
        return Mask.from_tensors(full | {lowest: half[lowest]})

    def tensors(self):
        return {"seen": torch.tensor(self.seen)}

    def restore(self, tensors):
        self.seen = tensors["seen"].tolist()


def trainer_of(model, batch, plan, mask=None, key="a"):
    def batches(number, size, key):
        assert size == 4
        return batch(number + 10 * key[-1])

    return MaskedTrainer(model, plan, key=(key,), mask=mask, batches=batches)


def copied(trainer):
    return {name: tensor.clone() for name, tensor in trainer.tensors().items()}


@pytest.mark.parametrize(
    "changes",
    [{}, {"optimizer": "sgd", "lr": 0.1, "weight_decay": 0.01}, {"keep": "last", "average_from": 0.3}],
    ids=["adamw", "sgd", "averaged"],
)
def test_a_trainer_restored_in_its_middle_goes_on_bit_for_bit(tiny_model_dir, model, batch, changes):
    from workbench.models import load_encoder

    plan = training_config(**changes)
    whole = trainer_of(model, batch, plan, Learned())
    for step in range(6):
        if step == 3:
            middle, age = copied(whole), whole.optimizer_steps
        whole.advance(batch(step))
    other = trainer_of(load_encoder(str(tiny_model_dir), 2, seed=7), batch, plan, Learned())
    other.restore(middle, age, step=3)
    for step in range(3, 6):
        other.advance(batch(step))
    expected, found = copied(whole), copied(other)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert expected["sparsifier.seen"].numel() == 12
    assert other.sparsifier.settled


def test_scores_learn_at_their_own_rate_with_penalty_and_gradient(model, batch):
    trainer = trainer_of(model, batch, training_config(lr=1e-9), Learned())
    before = {name: weight.detach().clone() for name, weight in prunable(model).items()}
    trainer.advance(batch(0))
    # Adam's first step moves each score by its own peak rate times the schedule's factor in the warm-up.
    factor = trainer.config.schedule(0.5 / 6)
    scores = torch.stack(list(trainer.sparsifier.scores.values())).detach()
    torch.testing.assert_close(scores.abs(), torch.full_like(scores, 0.5 * factor), rtol=1e-3, atol=0)
    kept = trainer.sparsifier.mask
    for name, weight in prunable(model).items():
        assert (weight[kept[name]] - before[name][kept[name]]).abs().max() < 1e-7


def test_averaged_weights_are_the_mean_of_those_at_evaluations_after_the_start(model, batch):
    keep = topk_mask(magnitude(prunable(model)), 0.6)
    trainer = MaskedTrainer(model, training_config(keep="last", average_from=0.5), key=("a",), mask=keep)
    name, seen = keep.names[1], []
    for step in range(6):
        trainer.advance(batch(step))
        if step + 1 in (4, 6):
            seen.append(prunable(model)[name].detach().clone())
    trainer.take_mean()
    torch.testing.assert_close(prunable(model)[name].detach(), (seen[0] + seen[1]) / 2)
    assert torch.count_nonzero(prunable(model)[name][~keep[name]]) == 0


def test_a_mean_needs_the_last_weights():
    with pytest.raises(BadInput, match='keep="last"'):
        training_config(average_from=0.5)


def test_a_dense_training_has_no_mask_and_a_fixed_one_its_own(model):
    assert MaskedTrainer(model, training_config(), key=("a",)).sparsifier.mask is None
    keep = topk_mask(magnitude(prunable(model)), 0.6)
    assert MaskedTrainer(model, training_config(), key=("a",), mask=keep).sparsifier.mask == keep
    assert MaskedTrainer(model, training_config(), key=("a",), mask=FixedMask(keep)).sparsifier.mask == keep


def test_the_mean_of_states_keeps_zeros_and_counters():
    states = [
        {"w": torch.tensor([0.0, 1.0]), "n": torch.tensor(3)},
        {"w": torch.tensor([0.0, 4.0]), "n": torch.tensor(3)},
    ]
    mean = mean_of(states)
    assert mean["w"].tolist() == [0.0, 2.5]
    assert mean["n"] == 3


class Unmasked(FixedMask):
    """Leaves the gradients of pruned weights as they are, as the released code does."""

    def before_step(self):
        pass


def trained(model, batch, sparsifier, steps, **changes):
    """The prunable weights after some steps."""
    trainer = MaskedTrainer(copy.deepcopy(model), training_config(**changes), key=("a",), mask=sparsifier)
    for step in range(steps):
        trainer.advance(batch(step))
    return {name: weight.detach() for name, weight in prunable(trainer.model).items()}


def test_masked_gradients_change_nothing_unless_gradients_are_clipped(model, batch):
    mask = topk_mask(magnitude(prunable(model)), 0.9)
    with_them = trained(model, batch, FixedMask(mask), 3)
    without = trained(model, batch, Unmasked(mask), 3)
    assert all(torch.equal(with_them[name], without[name]) for name in with_them)


class Watched(FixedMask):
    """Remembers the gradients that are clipped next."""

    def before_step(self):
        super().before_step()
        self.gradients = {name: weight.grad.clone() for name, weight in self.weights.items()}


def test_clipping_sees_the_gradients_of_kept_weights_alone(model, batch):
    mask = topk_mask(magnitude(prunable(model)), 0.9)
    watched = Watched(mask)
    trained(model, batch, watched, 1, clip=1.0)
    for name, gradient in watched.gradients.items():
        assert not gradient[~mask[name]].any()
        assert gradient[mask[name]].any()
