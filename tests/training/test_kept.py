"""Training on kept weights alone is training under a mask, within rounding."""

import copy
from functools import partial

import pytest
import torch

from workbench.compute import SparseLinear
from workbench.engines.acdc import Alternation
from workbench.engines.gmp import CriterionPruning
from workbench.engines.rigl import ByGradient
from workbench.engines.set import AtRandom
from workbench.masks import topk_mask
from workbench.models import forward_flops, prunable
from workbench.scores import magnitude
from workbench.training import Distillation, MaskedTrainer, TrainingConfig
from workbench.training.optimizer import MOMENTS

ADAMW = {"optimizer": "adamw", "lr": 1e-2}
SGD = {"optimizer": "sgd", "lr": 1e-1}


def every(name, shape, kept):
    return True


def some(name, shape, kept):
    return "query" in name or "intermediate" in name


def trainer_of(model, mask, sparse, key=("a",), **changes):
    values = {"steps": 6, "clip": 0.1, "weight_decay": 0.1, "distillation": Distillation(mode="none")}
    values |= ADAMW
    return MaskedTrainer(
        copy.deepcopy(model), TrainingConfig(**values | changes), key=key, mask=mask, sparse=sparse
    )


def clones(tensors):
    return {name: tensor.clone() for name, tensor in tensors.items()}


def assert_close(left, right, atol=2e-4):
    assert left.keys() == right.keys()
    for name in left:
        torch.testing.assert_close(left[name], right[name], rtol=1e-3, atol=atol)


@pytest.fixture
def mask(model):
    return topk_mask(magnitude(prunable(model)), 0.7)


@pytest.fixture
def parent(model, batch):
    """The tensors of a dense training, and its number of optimizer steps, by optimizer."""

    def make(**changes):
        dense = trainer_of(model, None, None, key=("parent",), **changes)
        for n in range(2):
            dense.advance(batch(n))
        return clones(dense.tensors()), dense.optimizer_steps

    return make


@pytest.mark.parametrize("choose", [every, some])
@pytest.mark.parametrize("changes", [ADAMW, SGD], ids=["adamw", "sgd"])
def test_sparse_steps_are_masked_dense_steps(model, mask, batch, parent, changes, choose):
    start = parent(**changes)
    both = [trainer_of(model, mask, sparse, **changes) for sparse in (None, choose)]
    for trainer in both:
        trainer.restore(*start)
    assert_close(*(clones(trainer.tensors()) for trainer in both), atol=1e-7)
    for n in range(4):
        dense, sparse = (trainer.advance(batch(n)) for trainer in both)
        assert dense == pytest.approx(sparse, abs=1e-4)
    dense, sparse = (trainer.tensors() for trainer in both)
    assert_close(dense, sparse)
    assert any(name.startswith(("exp_avg_sq.", "momentum_buffer.")) for name in sparse)
    for name in mask.names:
        for prefix in ("model", *MOMENTS[both[0].config.optimizer]):
            assert torch.count_nonzero(sparse[f"{prefix}.{name}"][~mask[name]]) == 0
            assert torch.count_nonzero(dense[f"{prefix}.{name}"][~mask[name]]) == 0


def test_parameters_and_moments_are_vectors_of_kept_weights(model, mask, batch):
    trainer = trainer_of(model, mask, every)
    trainer.advance(batch(0))
    layers = [module for module in trainer.model.modules() if isinstance(module, SparseLinear)]
    assert len(layers) == len(mask)
    assert sum(layer.values.numel() for layer in layers) == mask.kept
    for layer in layers:
        assert trainer.optimizer.state[layer.values]["exp_avg"].shape == layer.values.shape
    assert prunable(trainer.model) == {}
    assert any(layer.deferred for layer in layers), "feed-forward blocks are fused"


def test_a_closed_trainer_leaves_a_dense_model(model, mask, batch):
    student = copy.deepcopy(model)
    trainer = MaskedTrainer(student, TrainingConfig(steps=2, lr=1e-2), key=("a",), mask=mask, sparse=every)
    weights = clones(trainer.outcome(moments=False))
    flops = forward_flops(student, 2, 8)
    trainer.close()
    assert forward_flops(student, 2, 8) == flops == forward_flops(model, 2, 8)
    assert student.state_dict().keys() == model.state_dict().keys()
    for name, weight in prunable(student).items():
        assert torch.equal(weight, weights[f"model.{name}"])
        assert torch.equal(weight != 0, mask[name])


@pytest.mark.parametrize("choose", [every, some])
def test_a_restored_sparse_trainer_goes_on_bit_for_bit(model, mask, batch, choose):
    changes = {"average_from": 0.2, "average_every": 1, "keep": "last"}
    whole, first, second = (trainer_of(model, mask, choose, **changes) for _ in range(3))
    for n in range(6):
        whole.advance(batch(n))
    for n in range(3):
        first.advance(batch(n))
    second.restore(clones(first.tensors()), first.optimizer_steps, step=3)
    for n in range(3, 6):
        second.advance(batch(n))
    for trainer in (whole, second):
        trainer.take_mean()
    left, right = whole.tensors(), second.tensors()
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)
    assert any(name.startswith("mean.") for name in left)


def gmp():
    return CriterionPruning({1: 0.4, 3: 0.8}, "global", "magnitude", seed=0)


def acdc():
    return Alternation((0, 1, 3, 4), 0.7, "global", reset_moments=True)


@pytest.mark.parametrize("make", [gmp, acdc, AtRandom, ByGradient])
def test_masks_that_change_between_steps_are_followed(model, batch, mask, make):
    if make in (AtRandom, ByGradient):
        make = partial(make, mask, {1: 0.5, 3: 0.3}, 0)

    def trained(sparse, stop=None):
        trainer = trainer_of(model, make(), sparse)
        for n in range(6):
            if n == stop:
                saved = clones(trainer.tensors()), trainer.optimizer_steps, trainer.step
                trainer = trainer_of(model, make(), sparse)
                trainer.restore(*saved)
            trainer.advance(batch(n))
        return trainer

    dense, sparse, resumed = trained(None), trained(every), trained(every, stop=2)
    assert dense.sparsifier.mask == sparse.sparsifier.mask
    assert all(torch.equal(a, b) for a, b in zip(*map(model_of, (sparse, resumed)), strict=True))
    for left, right in zip(model_of(dense), model_of(sparse), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-3, atol=5e-4)
    assert any(isinstance(module, SparseLinear) for module in sparse.model.modules())
    mask = sparse.sparsifier.mask
    for name in mask.names:
        assert torch.equal(sparse.tensors()[f"model.{name}"] != 0, mask[name])


def model_of(trainer):
    return list(trainer.outcome(moments=False).values())


def test_acdc_without_a_reset_stays_dense(model, batch):
    trainer = trainer_of(model, Alternation((0, 1, 3, 4), 0.7, "global", reset_moments=False), every)
    for n in range(6):
        trainer.advance(batch(n))
    assert not any(isinstance(module, SparseLinear) for module in trainer.model.modules())


@pytest.mark.parametrize("choose", [every, some])
def test_a_checkpoint_of_kept_weights_is_resumed_as_one_of_dense_shapes_is(model, mask, batch, choose):
    averaged = {"keep": "last", "average_from": 0.1, "average_every": 1}
    first = trainer_of(model, mask, choose, **averaged)
    for n in range(3):
        first.advance(batch(n))
    forms = {compact: clones(first.tensors(compact)) for compact in (False, True)}
    chosen = {name for name in mask.names if choose(name, None, None)}
    assert {name for name in forms[True] if name.startswith("kept.")} == {f"kept.{name}" for name in chosen}
    for prefix in ("model", "exp_avg", "exp_avg_sq", "mean"):
        for name in mask.names:
            compact, dense = forms[True][f"{prefix}.{name}"], forms[False][f"{prefix}.{name}"]
            assert torch.equal(compact, dense[mask[name]] if name in chosen else dense)
    first.close()
    ends = []
    for tensors in forms.values():
        second = trainer_of(model, mask, choose, **averaged)
        second.restore(tensors, first.optimizer_steps, step=3)
        for n in range(3, 6):
            second.advance(batch(n))
        ends.append(clones(second.tensors()))
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
