"""Benchmark rows for sparse products, and for encoders that use them."""

import copy
from collections.abc import Callable, Iterator

import torch
from torch import nn
from transformers import BertConfig, BertModel

from workbench.benchmark.measure import Row
from workbench.benchmark.scales import Scale
from workbench.compute import SparseLinear, fuse_feed_forward_, products, sparsify_
from workbench.masks import kept_count, topk_mask
from workbench.randomness import seeded_globals, torch_generator

OURS, HALF, FULL = "workbench, bf16", "torch dense, bf16", "torch dense, fp32"
_TOKENS = 1024
# At the first one, sparse should be no slower than dense; see `BreakEven`.
_SPARSITIES = (0.75, 0.9, 0.95, 0.97)
_SPARSITY = 0.95


def product_rows(scale: Scale) -> Iterator[Row]:
    """The three products with the shapes of an encoder at several sparsities, then whole encoders."""
    for shape in _shapes(scale.hidden):
        for sparsity in _SPARSITIES:
            yield three_products_row(shape, sparsity, scale.rounds)
    yield encoder_row(scale.layers, scale.hidden, (1, 128), scale.rounds)
    yield encoder_row(scale.step_layers, scale.step_hidden, (32, 128), scale.rounds)
    yield encoder_row(scale.step_layers, scale.step_hidden, (32, 50), scale.rounds, training=True)
    yield encoder_row(scale.layers, scale.hidden, (16, 128), scale.rounds, training=True)


def three_products_row(shape: tuple[int, int], sparsity: float, rounds: int) -> Row:
    """y = W x, the gradient of x, and that of W (of the kept weights only, if sparse), for 1,024 tokens."""
    rng = torch_generator("benchmark", "products", *shape)
    weight = torch.randn(shape, generator=rng).mul_(0.02)
    mask = topk_mask({"weight": weight.abs()}, sparsity)
    weight.masked_fill_(~mask["weight"], 0)
    x, g = (torch.randn(_TOKENS, width, generator=rng) for width in (shape[1], shape[0]))
    contestants = {
        OURS: _sparse(weight, mask["weight"], x, g, torch.bfloat16),
        "workbench, fp32": _sparse(weight, mask["weight"], x, g, torch.float32),
        "workbench, bf16, from and to tokens": _layer(weight, mask["weight"], x, g),
        HALF: _dense(weight, x, g, torch.bfloat16),
        FULL: _dense(weight, x, g, torch.float32),
    }

    def check(results: dict) -> None:
        exact = x.double() @ weight.double().T, g.double() @ weight.double(), g.double().T @ x.double()
        for name, outputs in results.items():
            # In bfloat16, inputs and results are rounded; the errors of the inputs average out in the sums.
            tolerance = 1e-5 if "fp32" in name else 2**-7
            for result, value in zip(outputs, exact, strict=True):
                value = value[mask["weight"]] if result.ndim == 1 else value
                error = (result.double() - value).abs().max() / value.abs().max()
                assert error <= tolerance, (name, error)

    what = f"three products, {shape[0]} x {shape[1]} at {sparsity:g}, {_TOKENS} tokens"
    return Row(what, contestants, check, {"weight": weight}, rounds)


def _sparse(weight, mask, x, g, dtype) -> Callable[[], tuple[torch.Tensor, ...]]:
    structure = SparseLinear.of(_linear(weight), mask).structure
    value, bias = weight[mask].numpy(), torch.zeros(len(weight)).numpy()
    xs, gs = (products.to_blocks(tokens, dtype) for tokens in (x, g))

    def work() -> tuple[torch.Tensor, ...]:
        y, _ = products.multiply(structure.rows, value, bias, xs, _TOKENS)
        dx, dvalue = products.gradients(structure, value, gs, xs, _TOKENS)
        return y, dx, torch.from_numpy(dvalue)

    def result() -> tuple[torch.Tensor, ...]:
        y, dx, dvalue = work()
        return *(_Blocks(blocks) for blocks in (y, dx)), dvalue

    return result


class _Blocks:
    """Blocks that are converted to tokens only when they are checked, which is not timed."""

    ndim = 2

    def __init__(self, blocks: torch.Tensor):
        self.blocks = blocks

    def double(self) -> torch.Tensor:
        return products.from_blocks(self.blocks, _TOKENS, torch.float32).double()


def _layer(weight, mask, x, g) -> Callable[[], tuple[torch.Tensor, ...]]:
    layer, half = SparseLinear.of(_linear(weight), mask), torch.bfloat16
    x, g = x.to(half).requires_grad_(True), g.to(half)

    def work() -> tuple[torch.Tensor, ...]:
        y = layer(x)
        return y, *torch.autograd.grad(y, (x, layer.values), g)

    return work


def _dense(weight, x, g, dtype) -> Callable[[], tuple[torch.Tensor, ...]]:
    x, weight, g = x.to(dtype).requires_grad_(True), weight.to(dtype).requires_grad_(True), g.to(dtype)

    def work() -> tuple[torch.Tensor, ...]:
        y = nn.functional.linear(x, weight)
        return y, *torch.autograd.grad(y, (x, weight), g)

    return work


def encoder_row(
    layers: int, hidden: int, batch: tuple[int, int], rounds: int, *, training: bool = False
) -> Row:
    """An encoder's forward pass, optionally with its gradients, with every matrix at a sparsity of 0.95."""
    dense = _encoder(layers, hidden)
    weights = {
        f"{name}.weight": layer.weight for name, layer in dense.named_modules() if _pruned(name, layer)
    }
    mask = topk_mask({name: weight.detach().abs() for name, weight in weights.items()}, _SPARSITY)
    mask.apply_(dense)
    sparse = copy.deepcopy(dense)
    sparsify_(sparse, mask)
    for layer in range(layers):
        names = "intermediate.dense", "intermediate.intermediate_act_fn", "output.dense"
        assert fuse_feed_forward_(sparse, *(f"encoder.layer.{layer}.{name}" for name in names))
    ids = torch.randint(1, 1000, batch, generator=torch_generator("benchmark", "ids", *batch))

    def run(model: nn.Module, half: bool) -> torch.Tensor:
        with torch.set_grad_enabled(training), torch.autocast("cpu", torch.bfloat16, enabled=half):
            output = model(input_ids=ids).last_hidden_state
        if training:
            model.zero_grad()
            output.square().mean().backward()
        return output.detach().float()

    def check(results: dict) -> None:
        assert sum(p.numel() for n, p in sparse.named_parameters() if n.endswith("values")) == mask.kept
        assert mask.kept == sum(kept_count(weight.numel(), _SPARSITY) for weight in weights.values())
        for name, result in results.items():
            # Hidden states are normalised, so their scale is 1.
            assert (result - results[FULL]).abs().max() <= (1e-4 if "fp32" in name else 0.1), name

    contestants = {
        OURS: lambda: run(sparse, True),
        "workbench, fp32": lambda: run(sparse, False),
        HALF: lambda: run(dense, True),
        FULL: lambda: run(dense, False),
    }
    work = "forward and backward" if training else "forward"
    what = f"{work}, encoder {layers} x {hidden} at {_SPARSITY:g}, batch {batch[0]} x {batch[1]} tokens"
    return Row(what, contestants, check, {n: w.detach() for n, w in weights.items()}, rounds)


def _encoder(layers: int, hidden: int) -> nn.Module:
    config = BertConfig(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=12,
        intermediate_size=4 * hidden,
        hidden_dropout_prob=0,
        attention_probs_dropout_prob=0,
        attn_implementation="eager",
    )
    with seeded_globals("benchmark", "encoder"):
        return BertModel(config, add_pooling_layer=False)


def _pruned(name: str, layer: nn.Module) -> bool:
    return name.startswith("encoder.") and isinstance(layer, nn.Linear)


def _linear(weight: torch.Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    linear.weight = nn.Parameter(weight)
    return linear


def _shapes(hidden: int) -> tuple[tuple[int, int], ...]:
    return (hidden, hidden), (4 * hidden, hidden), (hidden, 4 * hidden)
