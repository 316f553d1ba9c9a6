"""What criteria ask for, against slow references."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workbench.errors import BadInput
from workbench.masks import topk_mask
from workbench.models import prunable
from workbench.randomness import torch_generator
from workbench.scores import criterion, find_criterion
from workbench.training import label_gradients, saliency
from workbench.training.objective import label_loss


@pytest.fixture
def padded(batch):
    """Three batches, some of whose sequences are padded."""

    def make():
        for n in range(3):
            inputs = batch(n)
            for row, length in enumerate((6, 4, 2, 5)):
                inputs["attention_mask"][row, length:] = 0
            yield inputs

    return make


def scored(name, model, batches, seed=0):
    return saliency(name, prunable(model), seed=seed, model=model, batches=batches)


def test_wanda_is_what_a_loop_over_rows_and_examples_finds(model, padded):
    inputs = {name: [] for name in prunable(model)}
    model.eval()

    def note(name):
        return lambda module, arguments: inputs[name].append(
            arguments[0].detach().reshape(-1, arguments[0].shape[-1])
        )

    hooks = [
        module.register_forward_pre_hook(note(f"{name}.weight"))
        for name, module in model.named_modules()
        if f"{name}.weight" in inputs
    ]
    for examples in padded():
        for row in range(4):
            length = int(examples["attention_mask"][row].sum())
            one = {
                name: tensor[row : row + 1, :length] for name, tensor in examples.items() if name != "labels"
            }
            model(**one)
    for hook in hooks:
        hook.remove()

    found = topk_mask(scored("wanda", model, padded()), 0.75)
    for name, weight in prunable(model).items():
        norms = torch.cat(inputs[name]).double().norm(dim=0)
        for row, weights in enumerate(weight.detach().double()):
            kept = (weights.abs() * norms).argsort(descending=True)[: len(weights) // 4]
            assert set(found[name][row].nonzero().flatten().tolist()) == set(kept.tolist()), (name, row)


@pytest.mark.parametrize("scope", ["matrix", "type", "global"])
@pytest.mark.parametrize("sparsity", [0.5, 0.7, 0.93])
def test_wanda_keeps_as_many_in_every_row_whatever_the_scope(model, padded, scope, sparsity):
    mask = topk_mask(scored("wanda", model, padded()), sparsity, scope)
    for name in mask:
        rows = mask[name].sum(dim=1)
        assert (rows - (1 - sparsity) * mask[name].shape[1]).abs().max() <= 1


def test_wanda_ranks_within_the_row_and_zeros_last():
    weights = {"w": torch.tensor([[3.0, -1.0, 0.0, 2.0], [300.0, 0.0, 0.0, 200.0]])}
    ranks = find_criterion("wanda")(weights, input_norms={"w": torch.tensor([1.0, 9.0, 1.0, 1.0])})["w"]
    assert ranks.dtype == torch.float64
    assert ranks.argsort(dim=1, descending=True).tolist() == [[1, 0, 3, 2], [0, 3, 1, 2]]
    assert topk_mask({"w": ranks}, 0.5)["w"].tolist() == [
        [True, True, False, False],
        [True, False, False, True],
    ]
    # Three of eight: the row with the larger product keeps one more.
    assert topk_mask({"w": ranks}, 5 / 8)["w"].sum(dim=1).tolist() == [1, 2]


def test_first_order_is_the_weight_times_the_gradient_of_the_mean_loss(model, padded):
    model.eval()
    examples = list(padded())
    whole = {name: torch.cat([one[name] for one in examples]) for name in examples[0]}
    loss = label_loss(
        model(**{name: whole[name] for name in whole if name != "labels"}).logits, whole["labels"]
    )
    weights = prunable(model)
    gradients = torch.autograd.grad(loss, tuple(weights.values()))
    found = scored("first_order", model, examples)
    for (name, weight), gradient in zip(weights.items(), gradients, strict=True):
        assert torch.allclose(found[name], (weight * gradient).abs(), rtol=1e-3, atol=1e-7)


def test_looking_leaves_no_trace(model, padded):
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.get_rng_state()
    for name in ("wanda", "first_order"):
        scored(name, model, padded())
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_label_gradients_ignore_dropout(model, padded):
    model.train()
    first, second = (list(label_gradients(model, padded())) for _ in range(2))
    for (count, left), (_, right) in zip(first, second, strict=True):
        assert count == 4
        assert all(torch.equal(left[name], right[name]) for name in left)


def test_examples_are_read_only_for_those_who_ask(model):
    def refuse():
        pytest.fail("nobody asked for examples")
        yield

    assert scored("magnitude", model, refuse()).keys() == prunable(model).keys()
    random = scored("random", model, refuse(), seed=3)
    expected = find_criterion("random")(prunable(model), seed=3)
    assert all(torch.equal(random[name], expected[name]) for name in expected)


def test_a_criterion_that_asks_for_something_unknown_is_refused(registries):
    with pytest.raises(
        BadInput, match=r"criterion hopeful has the parameters \(weights, hessian\).*gradients"
    ):

        @criterion
        def hopeful(weights, hessian):
            return weights


class Convolution(nn.Module):
    """One convolution and the mean over its map."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 2, 3, stride=2, padding=1, bias=False)

    def forward(self, pixel_values):
        return SimpleNamespace(logits=self.stem(pixel_values).mean(dim=(2, 3)))


def test_a_convolutions_inputs_are_the_pixels_under_its_kernel():
    model = Convolution()
    images = torch.randn(5, 3, 6, 6, generator=torch_generator("images"))
    found = saliency(
        "wanda",
        {"stem.weight": model.stem.weight},
        seed=0,
        model=model,
        batches=[{"pixel_values": images, "labels": torch.zeros(5, dtype=torch.int64)}],
    )["stem.weight"]
    framed = F.pad(images, (1, 1, 1, 1))
    norms = torch.zeros(3, 3, 3)
    for row in range(3):
        for column in range(3):
            seen = framed[:, :, row : row + 5 : 2, column : column + 5 : 2]
            norms[:, row, column] = seen.square().sum(dim=(0, 2, 3)).sqrt()
    products = (model.stem.weight.detach().abs() * norms).flatten(1)
    assert found.flatten(1).argsort(dim=1).tolist() == products.argsort(dim=1).tolist()
