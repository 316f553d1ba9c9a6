import copy

import pytest
import torch
from torch import nn

from workbench.compute import SparseLinear, densify_, fuse_feed_forward_, load_sparse_, sparse_mask, sparsify_
from workbench.errors import BadInput
from workbench.masks import Mask
from workbench.randomness import torch_generator


class Block(nn.Module):
    """What an encoder's layer has: three projections of one input, and a feed-forward pair."""

    def __init__(self, width: int = 12, bias: bool = True):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width, bias) for _ in range(3))
        self.up, self.act, self.down = (
            nn.Linear(width, 4 * width, bias),
            nn.GELU(),
            nn.Linear(4 * width, width, bias),
        )

    def forward(self, x):
        mixed = self.query(x) * torch.sigmoid(self.key(x)) + self.value(x)
        return self.down(self.act(self.up(mixed))) + mixed


def block(sparsity: float = 0.7, **how) -> tuple[Block, Mask]:
    rng, model = torch_generator("compute", "block"), Block(**how)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng) / 2)
    named = {name: p for name, p in model.named_parameters() if name.endswith("weight")}
    mask = Mask.from_tensors({n: torch.rand(p.shape, generator=rng) >= sparsity for n, p in named.items()})
    mask.apply_(model)
    return model, mask


def tokens(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch_generator("compute", "tokens"))


def gradients(model: nn.Module, x: torch.Tensor, weight: torch.Tensor, mask: Mask | None = None) -> dict:
    """The output and every gradient, of the kept weights alone; `x` may be of any dtype."""
    x = x.clone().requires_grad_(True)
    y = model(x)
    (y * weight).sum().backward()
    found = {"y": y.detach(), "x": x.grad}
    for name, parameter in model.named_parameters():
        grad = parameter.grad
        if mask is not None and name in mask.names:
            name, grad = name.replace(".weight", ".values"), grad[mask[name]]
        found[name] = grad
    return found


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("shape", [(12,), (3, 12), (2, 5, 12), (4, 50, 12)])
def test_gradients_are_those_of_autograd_in_float64(shape, fused, bias):
    dense, mask = block(bias=bias)
    sparse = copy.deepcopy(dense)
    assert sparsify_(sparse, mask) == mask.names
    assert not fused or fuse_feed_forward_(sparse, "up", "act", "down")
    x, weight = tokens(*shape), tokens(*shape).flip(-1)
    expected = gradients(dense.double(), x.double(), weight.double(), mask)
    found = gradients(sparse, x, weight)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(
            found[name].double(), value, rtol=1e-5, atol=1e-5 * value.abs().max().item()
        )


def test_gradients_agree_with_finite_differences():
    # The kernels know no float64, so that the differences are those of the loss in float32, over a long step.
    layer = SparseLinear.of(nn.Linear(3, 2), torch.tensor([[True, False, True], [True, True, False]]))
    x, step = tokens(4, 3), 2.0**-4

    def loss(values: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            layer.values.copy_(values)
        return layer(x).sum()

    values = layer.values.detach().clone()
    loss(values).backward()
    for k, unit in enumerate(torch.eye(4)):
        difference = (loss(values + step * unit) - loss(values - step * unit)) / (2 * step)
        assert layer.values.grad[k].item() == pytest.approx(difference.item(), abs=1e-4)


@pytest.mark.parametrize("fused", [True, False])
def test_under_autocast_it_is_as_near_to_float64_as_the_dense_model_is(fused):
    dense, mask = block()
    sparse = copy.deepcopy(dense)
    sparsify_(sparse, mask)
    assert not fused or fuse_feed_forward_(sparse, "up", "act", "down")
    x, weight = tokens(6, 30, 12), torch.ones(6, 30, 12)
    exact = gradients(copy.deepcopy(dense).double(), x.double(), weight.double(), mask)
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = gradients(sparse, x, weight), gradients(dense, x, weight, mask)
    for name, value in exact.items():
        errors = [(found[name].double() - value).abs().max() for found in (ours, theirs)]
        assert ours[name].dtype == theirs[name].dtype
        assert errors[0] <= 2 * errors[1] + 1e-6 * value.abs().max(), name


def test_no_gradient_is_computed_where_none_is_wanted():
    dense, mask = block()
    sparse = copy.deepcopy(dense)
    sparsify_(sparse, mask)
    fuse_feed_forward_(sparse, "up", "act", "down")
    x = tokens(7, 12)
    for context in (torch.no_grad(), torch.inference_mode()):
        with context:
            torch.testing.assert_close(sparse(x), dense(x))
            assert not sparse(x).requires_grad


def test_tokens_that_were_written_to_are_read_again():
    layer, x = SparseLinear.of(nn.Linear(5, 4), torch.ones(4, 5, dtype=torch.bool)), tokens(6, 5)
    first = layer(x)
    x.mul_(2)
    torch.testing.assert_close(layer(x) - layer.bias, 2 * (first - layer.bias))
    with torch.inference_mode():
        again = x.clone()
        doubled = layer(again)
        again.mul_(0)
        assert torch.equal(layer(again), layer.bias.expand(6, 4))
        torch.testing.assert_close(doubled, layer(x))


def test_a_step_of_an_optimizer_changes_the_kept_weights_alone():
    dense, mask = block()
    sparse = copy.deepcopy(dense)
    sparsify_(sparse, mask)
    optimizer = torch.optim.AdamW(sparse.parameters(), lr=0.1)
    sparse(tokens(9, 12)).square().mean().backward()
    optimizer.step()
    after = dict(densify_(sparse).named_parameters())
    for name in mask:
        assert not after[name][~mask[name]].any()
        assert not torch.equal(after[name], dense.get_parameter(name))


def test_formats_that_the_kernels_do_not_know_are_multiplied_as_dense():
    dense, mask = block()
    sparse = copy.deepcopy(dense)
    sparsify_(sparse, mask)
    fuse_feed_forward_(sparse, "up", "act", "down")
    x = tokens(4, 12).double()
    expected = gradients(dense.double(), x, torch.ones_like(x), mask)
    found = gradients(sparse.double(), x, torch.ones_like(x))
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)


def test_a_sparse_model_becomes_dense_again():
    dense, mask = block()
    sparse = copy.deepcopy(dense)
    sparsify_(sparse, mask)
    fuse_feed_forward_(sparse, "up", "act", "down")
    assert sparse_mask(sparse) == mask
    densify_(sparse)
    assert sparse_mask(sparse) is None
    assert sparse.state_dict().keys() == dense.state_dict().keys()
    assert all(torch.equal(value, dense.state_dict()[name]) for name, value in sparse.state_dict().items())
    assert isinstance(sparse.act, nn.GELU)


def test_a_state_dict_is_whole_and_loads_into_a_dense_model():
    dense, mask = block()
    sparse = copy.deepcopy(dense)
    sparsify_(sparse, mask, choose=lambda name, shape, kept: name != "key.weight")
    state = sparse.state_dict()
    assert (
        sum(v.numel() for k, v in state.items() if k.endswith("values"))
        == mask.kept - mask["key.weight"].sum()
    )
    fresh = Block()
    load_sparse_(fresh, state)
    assert isinstance(fresh.key, nn.Linear)
    x = tokens(5, 12)
    assert torch.equal(fresh(x), sparse(x))


def test_what_is_not_chosen_stays_dense_and_is_masked():
    model, mask = block()
    with torch.no_grad():
        model.up.weight.fill_(1)
    seen = {}

    def choose(name, shape, kept):
        seen[name] = shape, kept
        return name == "down.weight"

    assert sparsify_(model, mask, choose=choose) == ("down.weight",)
    assert seen == {name: (mask.shapes[name], kept) for name, kept in mask.kept_per_matrix().items()}
    assert torch.equal(model.up.weight != 0, mask["up.weight"])
    assert not fuse_feed_forward_(model, "up", "act", "down")


def test_another_activation_is_not_fused():
    for activation in (nn.GELU(approximate="tanh"), nn.ReLU()):
        model, mask = block()
        model.act = activation
        sparsify_(model, mask)
        assert not fuse_feed_forward_(model, "up", "act", "down")
        assert model.act is activation


def test_bad_input_is_refused_before_anything_changes():
    model, mask = block()
    before = model.state_dict().keys()
    wrong = {
        "not the weight of a linear layer": Mask.from_tensors({"up.bias": torch.ones(48, dtype=torch.bool)}),
        "only those can be sparse": Mask.from_tensors({"no.weight": torch.ones(4, 4, dtype=torch.bool)}),
        "shape \\(4, 4\\)": Mask.from_tensors({"up.weight": torch.ones(4, 4, dtype=torch.bool)}),
    }
    for message, other in wrong.items():
        with pytest.raises(BadInput, match=message):
            sparsify_(model, other)
    assert model.state_dict().keys() == before
    with pytest.raises(BadInput, match="values for a mask that keeps 4 weights"):
        SparseLinear(
            SparseLinear.of(nn.Linear(2, 2), torch.ones(2, 2, dtype=bool)).structure, torch.ones(3), None
        )
    sparsify_(model, mask)
    with pytest.raises(BadInput, match="5 features for a layer that takes 12"):
        model.up(torch.ones(5))
    with pytest.raises(BadInput, match="lacks"):
        load_sparse_(nn.Sequential(nn.Linear(2, 2)), {})
    damaged = dict(model.state_dict())
    damaged["up.values"] = damaged["up.values"][1:]
    with pytest.raises(BadInput, match="damaged"):
        load_sparse_(Block(), damaged)


def test_where_kernels_do_not_compile_layers_are_dense_and_say_so_once(monkeypatch):
    from workbench.compute import layers, products, support

    def broken(*_, **__):
        raise RuntimeError("no such instruction")

    dense, mask = block()
    sparse = copy.deepcopy(dense)
    sparsify_(sparse, mask)
    monkeypatch.setattr(products, "multiply", broken)
    support.supported.cache_clear()
    try:
        with pytest.warns(UserWarning, match="no such instruction") as caught:
            found = [sparse(tokens(3, 12)) for _ in range(2)]
        assert all(torch.allclose(y, dense(tokens(3, 12)), atol=1e-5) for y in found)
        assert len(caught) == 1
    finally:
        support.supported.cache_clear()
    assert layers.supported is support.supported
