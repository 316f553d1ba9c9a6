"""Replaces dense layers of a model by sparse ones, and back."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import nn

from workbench.compute.layers import Skipped, SparseLinear
from workbench.errors import BadInput
from workbench.masks import Mask

# Whether a matrix becomes sparse, given its name, shape and number of kept weights.
Choice = Callable[[str, tuple[int, int], int], bool]
_WEIGHT, _BITS = ".weight", ".bits"


def sparsify_(module: nn.Module, mask: Mask, *, choose: Choice | None = None) -> tuple[str, ...]:
    """Replaces the `nn.Linear` layers that a mask names, in place.

    Args:
        module: any model on the CPU.
        mask: names the layers' weights as in `named_parameters`.
        choose: which of the matrices become sparse; None for all. In the others, which stay dense, the
            pruned weights become zero.

    Returns:
        The names of the matrices that are now sparse.

    Raises:
        BadInput: the mask names anything but weights of such layers, or has another shape, or the model is
            on another device; nothing has been changed.
    """
    layers = {name: _linear(module, name, mask.shapes[name]) for name in mask}
    kept = mask.kept_per_matrix()
    chosen = [name for name in mask if choose is None or choose(name, mask.shapes[name], kept[name])]
    with torch.no_grad():
        for name in set(mask) - set(chosen):
            layers[name].weight.masked_fill_(~mask[name], 0)
    for name in chosen:
        module.set_submodule(name.removesuffix(_WEIGHT), SparseLinear.of(layers[name], mask[name]))
    return tuple(chosen)


def densify_(module: nn.Module) -> nn.Module:
    """Replaces every sparse layer by an `nn.Linear` with the same weights, in place; returns the module."""
    for name, layer in list(module.named_modules()):
        if isinstance(layer, SparseLinear):
            module.set_submodule(name, layer.dense())
        elif isinstance(layer, Skipped):
            module.set_submodule(name, layer.activation)
    return module


def fuse_feed_forward_(module: nn.Module, first: str, activation: str, second: str) -> bool:
    """Fuses two sparse layers and the GELU between them, in place, so that activations stay in blocks.

    The layers may be called from different modules, one after the other: `first` and `activation` then only
    pass a placeholder on, and `second` computes everything.

    Args:
        module: the model.
        first, activation, second: names of its submodules; nothing else may use the output of the first two.

    Returns:
        Whether they were fused, which takes two sparse layers and the exact GELU.
    """
    up, between, down = (module.get_submodule(name) for name in (first, activation, second))
    if not (isinstance(up, SparseLinear) and isinstance(down, SparseLinear)) or isinstance(between, Skipped):
        return False
    probe = torch.linspace(-4, 4, 101)
    if not torch.allclose(between(probe), nn.functional.gelu(probe), atol=1e-5):
        return False
    up.deferred = True
    module.set_submodule(activation, Skipped(between))
    return True


def sparse_mask(module: nn.Module) -> Mask | None:
    """The mask of the sparse layers; None if there are none."""
    layers = {name: layer for name, layer in module.named_modules() if isinstance(layer, SparseLinear)}
    tensors = {name + _WEIGHT: layer.structure.mask() for name, layer in layers.items()}
    return Mask.from_tensors(tensors) if tensors else None


def load_sparse_(module: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Loads the `state_dict` of a sparse model into a dense one, whose layers become sparse in place.

    The state of a sparse layer has its mask as `bits` and its `values` instead of its weight.

    Raises:
        BadInput: the state is of another model, or damaged; nothing has been changed.
    """
    prefixes = [key.removesuffix(_BITS) for key in state if key.endswith(_BITS)]
    layers = {prefix: _linear(module, prefix + _WEIGHT, None) for prefix in prefixes}
    missing = set(module.state_dict()) - {prefix + _WEIGHT for prefix in prefixes} - set(state)
    if missing:
        raise BadInput(
            f"a state of another model: it lacks {min(missing)!r}. Load it into the model that it belongs to."
        )
    masks = {prefix: _unpacked(prefix, state, layer.weight.shape) for prefix, layer in layers.items()}
    sparse = {prefix: SparseLinear.of(layers[prefix], mask) for prefix, mask in masks.items()}
    for prefix, layer in sparse.items():
        if state[prefix + ".values"].shape != layer.values.shape:
            raise BadInput(f"{prefix!r} has values for another mask than its own; the state is damaged.")
    for prefix, layer in sparse.items():
        module.set_submodule(prefix, layer)
    module.load_state_dict(state)


def _unpacked(prefix: str, state: Mapping[str, torch.Tensor], shape: torch.Size) -> torch.Tensor:
    bits = state[prefix + _BITS].numpy()
    if len(bits) != -(-shape.numel() // 8):
        raise BadInput(f"{prefix!r} has bits for a shape other than {tuple(shape)}; the state is damaged.")
    return torch.from_numpy(np.unpackbits(bits, count=shape.numel()).view(bool).reshape(shape))


def _linear(module: nn.Module, name: str, shape: tuple[int, ...] | None) -> nn.Linear:
    try:
        layer = module.get_submodule(name.removesuffix(_WEIGHT))
    except AttributeError:
        layer = None
    if not name.endswith(_WEIGHT) or not isinstance(layer, nn.Linear):
        raise BadInput(
            f"{name!r} is not the weight of a linear layer of this model; only those can be sparse."
        )
    if shape not in (None, tuple(layer.weight.shape)):
        raise BadInput(
            f"a mask of another model: it has {name!r} in shape {shape}, the model in "
            f"{tuple(layer.weight.shape)}. Use a mask that was made for this model."
        )
    if layer.weight.device.type != "cpu":
        raise BadInput(
            f"sparse layers compute on a CPU, and {name!r} is on {layer.weight.device}; use dense ones."
        )
    return layer
