"""Benchmark rows for forward passes: torch, ours, ONNX Runtime."""

from collections.abc import Iterator, Mapping
from functools import partial

import torch

from workbench.analysis.speed import REFERENCE
from workbench.benchmark.measure import Row
from workbench.benchmark.models import classifier, magnitude_mask
from workbench.benchmark.scales import Scale
from workbench.inference.contestants import OURS, Contestant, contestants
from workbench.models import prunable
from workbench.randomness import torch_generator

# ONNX Runtime multiplies zeros like other numbers, so it is measured at one sparsity only.
_SPARSITIES, _WITH_ONNX = (0.6, 0.8, 0.95), 0.95


def forward_rows(scale: Scale) -> Iterator[Row]:
    """An encoder's forward pass for one example and for a batch, as `workbench speed` measures it."""
    for sparsity in _SPARSITIES:
        model = classifier(scale.layers, scale.hidden).eval()
        mask = magnitude_mask(model, sparsity)
        mask.apply_(model)
        weights = {name: weight.detach() for name, weight in prunable(model).items()}
        size = f"encoder {scale.layers} x {scale.hidden} at {sparsity:g}"
        with contestants(model, mask, onnx=sparsity == _WITH_ONNX) as forms:
            for batch in (1, scale.forward[0]):
                what = f"forward, {size}, batch {batch} x {scale.forward[1]} tokens"
                yield _row(what, forms, (batch, scale.forward[1]), weights, scale.rounds)


def _row(
    what: str,
    forms: Mapping[str, Contestant],
    shape: tuple[int, int],
    weights: Mapping[str, torch.Tensor],
    rounds: int,
) -> Row:
    ids = torch.randint(1, 1000, shape, generator=torch_generator("benchmark", "ids", *shape))
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

    def check(results: dict) -> None:
        largest = max(1.0, results[REFERENCE].abs().max().item())
        for name, logits in results.items():
            allowed, difference = forms[name].tolerance, (logits - results[REFERENCE]).abs().max().item()
            assert allowed is None or difference <= allowed * largest, (name, difference)

    # The last of ours comes first: in bfloat16 where the processor computes in it.
    first = [name for name in forms if name.startswith(OURS)][-1:]
    calls = {
        name: torch.inference_mode()(partial(forms[name].run, inputs))
        for name in dict.fromkeys([*first, *forms])
    }
    return Row(what, calls, check, weights, rounds)
