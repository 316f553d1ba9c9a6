import copy
import gc
import weakref

import pytest
import torch

from workbench.errors import BadInput
from workbench.masks import Mask, topk_mask
from workbench.models import embeddings, prunable
from workbench.schedules import Constant, Linear
from workbench.scores import magnitude
from workbench.training import Distillation, MaskedTrainer, NonFiniteLoss, TrainingConfig

LABELS_ONLY = Distillation(mode="none")


def training_config(steps=6, **changes):
    return TrainingConfig(**{"steps": steps, "lr": 1e-2, "distillation": LABELS_ONLY, **changes})


def weights_of(trainer):
    return {name: tensor.clone() for name, tensor in trainer.tensors().items()}


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.fixture
def mask(model):
    return topk_mask(magnitude(prunable(model)), 0.7)


def test_pruned_weights_stay_zero_although_their_moments_push_them(model, mask, batch):
    dense = MaskedTrainer(model, training_config(), key=("a",))
    for n in range(3):
        dense.advance(batch(n))
    parent = weights_of(dense)
    name = mask.names[0]
    assert parent[f"exp_avg.{name}"][~mask[name]].abs().min() > 0

    trainer = MaskedTrainer(model, training_config(), key=("b",), mask=mask)
    trainer.restore(parent, dense.optimizer_steps)
    for n in range(3):
        trainer.advance(batch(n))
        for name, weight in prunable(trainer.model).items():
            assert torch.count_nonzero(weight[~mask[name]]) == 0
            assert torch.count_nonzero(weight) <= mask.kept_per_matrix()[name]


def test_frozen_embeddings_stay_although_decay_and_moments_push_them(model, mask, batch):
    dense = MaskedTrainer(model, training_config(), key=("a",))
    dense.advance(batch(0))
    parent = weights_of(dense)

    trainer = MaskedTrainer(
        model, training_config(freeze_embeddings=True, weight_decay=0.1), key=("b",), mask=mask
    )
    trainer.restore(parent, dense.optimizer_steps)
    for n in range(2):
        trainer.advance(batch(n))
    frozen = embeddings(trainer.model)
    assert {"bert.embeddings.word_embeddings.weight", "bert.embeddings.LayerNorm.bias"} < frozen.keys()
    now = weights_of(trainer)
    moved = {
        name
        for name in dict(model.named_parameters())
        if not torch.equal(now[f"model.{name}"], parent[f"model.{name}"])
    }
    assert moved == dict(model.named_parameters()).keys() - frozen.keys()


def test_a_revived_weight_is_never_saved(model, mask):
    trainer = MaskedTrainer(model, training_config(), key=("a",), mask=mask)
    trainer.tensors()
    name = mask.names[3]
    with torch.no_grad():
        prunable(model)[name][~mask[name]] = 1e-9
    with pytest.raises(RuntimeError, match="revived"):
        trainer.tensors()


def test_a_restored_trainer_goes_on_bit_for_bit(tiny_model_dir, model, mask, batch):
    whole = MaskedTrainer(
        copy.deepcopy(model), training_config(clip=1.0, weight_decay=0.1), key=("a",), mask=mask
    )
    for n in range(6):
        whole.advance(batch(n))

    first = MaskedTrainer(
        copy.deepcopy(model), training_config(clip=1.0, weight_decay=0.1), key=("a",), mask=mask
    )
    for n in range(3):
        first.advance(batch(n))
    second = MaskedTrainer(
        copy.deepcopy(model), training_config(clip=1.0, weight_decay=0.1), key=("a",), mask=mask
    )
    second.restore(weights_of(first), first.optimizer_steps, step=3)
    for n in range(3, 6):
        second.advance(batch(n))
    assert same(weights_of(whole), weights_of(second))


@pytest.mark.parametrize("quick", [False, True])
def test_dropout_depends_on_key_and_step_and_not_on_the_global_generator(model, batch, quick):
    def losses(key, quick=quick):
        trainer = MaskedTrainer(copy.deepcopy(model), training_config(), key=key, quick_dropout=quick)
        return [trainer.advance(batch(0)) for _ in range(2)]

    state = torch.get_rng_state()
    assert losses(("a",)) == losses(("a",)) != losses(("b",))
    assert losses(("a",)) != losses(("a",), not quick)
    assert torch.equal(state, torch.get_rng_state())


def test_restoring_without_moments_makes_a_fresh_optimizer(model, batch):
    trainer = MaskedTrainer(model, training_config(), key=("a",))
    trainer.advance(batch(0))
    weights = {name: tensor for name, tensor in weights_of(trainer).items() if name.startswith("model.")}
    trainer.restore(weights, 0)
    assert trainer.optimizer_steps == 0
    assert same(weights_of(trainer), weights)


def test_the_learning_rate_follows_the_schedule(model, batch):
    trainer = MaskedTrainer(model, training_config(steps=4, schedule=Linear(warmup=0.0)), key=("a",))
    rates = []
    for n in range(4):
        rates.append(trainer.learning_rate)
        trainer.advance(batch(n))
    assert rates == pytest.approx([1e-2 * factor for factor in (0.875, 0.625, 0.375, 0.125)])
    warm = MaskedTrainer(model, training_config(steps=4, schedule=Constant(warmup=0.5)), key=("a",))
    assert warm.learning_rate == pytest.approx(0.25e-2)


def test_the_learning_rate_after_the_last_step_is_that_of_the_last(model):
    trainer = MaskedTrainer(model, training_config(schedule=Linear(0.1)), key=("a",))
    trainer.step = 5
    last = trainer.learning_rate
    trainer.step = 6
    assert trainer.learning_rate == last > 0


def test_a_loss_that_is_not_finite_stops_before_the_weights_change(model, batch):
    trainer = MaskedTrainer(model, training_config(), key=("a",))
    with torch.no_grad():
        model.classifier.bias.fill_(torch.inf)
    before = weights_of(trainer)
    with pytest.raises(NonFiniteLoss, match="step 1"):
        trainer.advance(batch(0))
    assert same(before, weights_of(trainer))


def test_weights_that_diverge_are_not_called_a_revival(model, mask):
    trainer = MaskedTrainer(model, training_config(), key=("a",), mask=mask)
    with torch.no_grad():
        prunable(model)[mask.names[0]][0] = torch.nan
    with pytest.raises(NonFiniteLoss, match="no longer finite"):
        trainer.tensors()


def test_a_mask_of_another_model_is_refused(model):
    stranger = Mask.from_tensors(
        {"bert.encoder.layer.9.output.dense.weight": torch.ones(2, 2, dtype=torch.bool)}
    )
    with pytest.raises(BadInput, match="another model"):
        MaskedTrainer(model, training_config(), key=("a",), mask=stranger)


def test_training_learns(model, batch):
    trainer = MaskedTrainer(model, training_config(steps=40, lr=3e-3), key=("a",))
    losses = [trainer.advance(batch(0)) for _ in range(40)]
    assert losses[-1] < 0.5 * losses[0]


def test_a_trainer_goes_with_its_moments_when_nobody_holds_it(model, mask, batch):
    gc.disable()
    try:
        trainer = MaskedTrainer(model, training_config(), key=("a",), mask=mask)
        trainer.advance(batch(0))
        moments = next(iter(trainer.optimizer.state.values()))["exp_avg"]
        held = [weakref.ref(thing) for thing in (trainer, trainer.sparsifier, moments)]
        del trainer, moments
        assert [reference() for reference in held] == [None] * 3
    finally:
        gc.enable()


def test_a_teacher_is_not_trained(model, batch):
    teacher = copy.deepcopy(model).requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    trainer = MaskedTrainer(model, training_config(distillation=Distillation()), key=("a",), teacher=teacher)
    for n in range(3):
        trainer.advance(batch(n))
    assert not teacher.training
    assert all(torch.equal(before[name], tensor) for name, tensor in teacher.state_dict().items())


def test_logits_that_were_looked_up_teach_what_the_teacher_itself_does(model, batch):
    teacher = copy.deepcopy(model).requires_grad_(False)
    with torch.no_grad():
        teacher.classifier.weight.mul_(30)
    config = training_config(distillation=Distillation(mode="logits"))
    asking = MaskedTrainer(copy.deepcopy(model), config, key=("a",), teacher=teacher)
    batches = [batch(n) for n in range(3)]
    inputs = [{name: tensor for name, tensor in each.items() if name != "labels"} for each in batches]
    logits = torch.cat([teacher(**each).logits for each in inputs])
    looking = MaskedTrainer(copy.deepcopy(model), config, key=("a",), teacher=logits)
    for number, each in enumerate(batches):
        indices = torch.arange(4 * number, 4 * number + 4)
        assert looking.advance(each | {"indices": indices}) == asking.advance(each)
    assert same(weights_of(looking), weights_of(asking))


def test_moments_that_have_all_but_vanished_become_zero_and_no_weight_changes(model, batch, monkeypatch):
    """Else they would soon be denormal numbers, with which a CPU computes slowly."""

    def trained(settling):
        trainer = MaskedTrainer(copy.deepcopy(model), training_config(steps=64, lr=1e-3), key=("a",))
        trainer.advance(batch(0))
        start = weights_of(trainer)
        for name, tensor in start.items():
            if name.startswith("exp_avg."):
                tensor[..., 0] = 1e-28  # 1e-31 after 64 steps without a gradient
        trainer.restore(start, trainer.optimizer_steps, step=1)
        if not settling:
            monkeypatch.setattr(trainer._moments, "settle", lambda step: None)
        for n in range(1, 64):
            trainer.advance(batch(n % 3))
        return weights_of(trainer)

    settled, unsettled = trained(True), trained(False)
    tiny = {name: (tensor != 0) & (tensor.abs() < 1e-30) for name, tensor in unsettled.items()}
    moments = [name for name in unsettled if name.startswith("exp_avg.")]
    assert any(tiny[name].any() for name in moments), "there is nothing to settle"
    for name in moments:
        assert torch.equal(settled[name], unsettled[name].masked_fill(tiny[name], 0))
    weights = [name for name in unsettled if name.startswith("model.")]
    assert weights
    assert all(torch.equal(settled[name], unsettled[name]) for name in weights)
