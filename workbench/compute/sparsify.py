"""Sparse layers in the place of a model's dense ones, and back."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import nn

from workbench.compute.layers import Skipped, SparseLinear
from workbench.errors import BadInput
from workbench.masks import Mask

# Given a matrix's name, its shape and its number of kept weights: whether it becomes sparse.
Choice = Callable[[str, tuple[int, int], int], bool]
_WEIGHT, _BITS = ".weight", ".bits"


def sparsify_(module: nn.Module, mask: Mask, *, choose: Choice | None = None) -> tuple[str, ...]:
    """Replaces the `nn.Linear` layers that a mask names, in place.

    Args:
        module: any model on the CPU.
        mask: its names are those of the layers' weights, as in `named_parameters`.
        choose: which of the matrices become sparse, all where it is None. The weights that the mask prunes
            become zero in the others, which stay dense.

    Returns:
        the names of the matrices that are sparse now.

    Raises:
        BadInput: the mask names something else than weights of such layers, or has another shape, or the
            model is elsewhere; nothing has been changed.
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
    """Lets two layers and the GELU between them stay in blocks, in place, where they can.

    They may be called from different modules, one after the other: `first` then gives a token of its work to
    `activation`, and that to `second`, which does all of it.

    Args:
        module: the model.
        first, activation, second: names of its submodules; nothing else may use the output of the first two.

    Returns:
        whether they do: both layers are sparse and the activation is the exact GELU.
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
    """The mask of the layers that are sparse, or None where there is none."""
    layers = {name: layer for name, layer in module.named_modules() if isinstance(layer, SparseLinear)}
    tensors = {name + _WEIGHT: layer.structure.mask() for name, layer in layers.items()}
    return Mask.from_tensors(tensors) if tensors else None


def load_sparse_(module: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Makes a dense model what the sparse one was whose `state_dict` this is, in place.

    A sparse layer's state has, instead of its weight, its mask as `bits` and its `values`.

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
        raise BadInput(f"{prefix!r} has the bits of another shape than {tuple(shape)}; the state is damaged.")
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
