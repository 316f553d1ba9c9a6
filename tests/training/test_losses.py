"""Losses are read as often as the device allows, and one that is not finite is found before it does harm."""

import copy

import pytest
import torch

from workbench.engines.movement import HardScores, Movement
from workbench.training import Distillation, MaskedTrainer, NonFiniteLoss, TrainingConfig, trainer
from workbench.training.losses import LossWatch

CPU = torch.device("cpu")


def config(steps=12):
    return TrainingConfig(steps=steps, lr=1e-2, distillation=Distillation(mode="none"))


@pytest.fixture
def reads(monkeypatch):
    """How often a number was read out of a tensor."""
    read, item = [], torch.Tensor.item
    monkeypatch.setattr(torch.Tensor, "item", lambda tensor: read.append(1) or item(tensor))
    return read


@pytest.fixture
def nan_at(monkeypatch):
    """Makes the loss of a step NaN."""

    def make(step: int) -> None:
        calls, loss_of = iter(range(1, step)), trainer.loss_of

        def loss(*arguments):
            factor = torch.nan if next(calls, None) is None else 1.0
            return factor * loss_of(*arguments)

        monkeypatch.setattr(trainer, "loss_of", loss)

    return make


def test_reading_rarely_gives_the_same_weights_and_the_losses_that_are_read(model, batch, reads):
    often = MaskedTrainer(copy.deepcopy(model), config(), key=("a",))
    every = [often.advance(batch(n)) for n in range(12)]
    assert len(reads) == 12
    reads.clear()
    rarely = MaskedTrainer(model, config(), key=("a",), read_every=5)
    some = [rarely.advance(batch(n)) for n in range(12)]
    assert len(reads) == 2 * 3, "whether all were finite, and the loss: at steps 5, 10 and the last"
    assert some == [value if n in (5, 10, 12) else None for n, value in enumerate(every, start=1)]
    assert all(torch.equal(tensor, rarely.tensors()[name]) for name, tensor in often.tensors().items())


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_the_first_loss_that_is_not_finite_is_named(bad):
    watch = LossWatch(CPU, every=4)
    losses = [1.0, 2.0, 3.0, 4.0, 5.0, bad, 7.0]
    for step, loss in enumerate(losses, start=1):
        assert (watch.take(torch.tensor(loss), step, last=False) is None) == (step != 4)
    with pytest.raises(NonFiniteLoss, match="not finite at step 6"):
        watch.check()
    at_once = LossWatch(CPU, every=1)
    with pytest.raises(NonFiniteLoss, match=f"the loss is {bad} at step 6"):
        at_once.take(torch.tensor(bad), 6, last=False)


@pytest.mark.parametrize("asks", [MaskedTrainer.tensors, lambda training: training.losses.check()])
def test_a_loss_that_was_not_read_is_found_before_the_weights_are_used(model, batch, nan_at, asks):
    nan_at(2)
    training = MaskedTrainer(model, config(), key=("a",), read_every=10)
    for n in range(3):
        assert training.advance(batch(n)) is None
    with pytest.raises(NonFiniteLoss, match="the loss is not finite at step 2"):
        asks(training)


def test_scores_that_cannot_be_ranked_are_blamed_on_the_loss(model, batch, nan_at):
    nan_at(1)
    training = MaskedTrainer(
        model, config(), key=("a",), mask=HardScores(Movement(sparsity=0.5)), read_every=10
    )
    with pytest.raises(NonFiniteLoss, match="the loss is not finite at step 1"):
        training.advance(batch(0))


def test_scores_that_diverged_are_not_saved(model):
    training = MaskedTrainer(model, config(), key=("a",), mask=HardScores(Movement(sparsity=0.5)))
    training.tensors()
    name, score = next(iter(training.sparsifier.scores.items()))
    with torch.no_grad():
        score[0] = torch.inf
    with pytest.raises(NonFiniteLoss, match=f"score.{name} are no longer finite"):
        training.tensors()
