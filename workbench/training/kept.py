"""A model in training whose matrices hold their kept weights alone, under the names of the dense model."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from workbench.compute import SparseLinear, densify_
from workbench.compute.sparsify import Choice
from workbench.masks import Mask
from workbench.models import sparsify_encoder_

# Of the packed masks in a checkpoint.
BITS = "kept."
_WEIGHT = ".weight"
# Tensors of sparsifiers may have a matrix's name, and have the shape that they need.
_OTHERS = ("sparsifier", "trained")


class KeptWeights:
    """Puts sparse layers into a model and takes them out again; names are always those of dense layers.

    Args:
        model: a dense model.
        choose: which matrices of a mask become sparse; None for none of them.

    Attributes:
        mask: whose kept weights are computed with; None for all weights.
        layers: the layers that are sparse now, by the names of their weights.
    """

    def __init__(self, model: nn.Module, choose: Choice | None):
        self.mask: Mask | None = None
        self.layers: dict[str, SparseLinear] = {}
        self._model = model
        self._choose = choose

    def changes(self, mask: Mask | None) -> bool:
        """Whether `put` would change any layer."""
        return self._choose is not None and mask is not self.mask

    def put(self, mask: Mask | None) -> None:
        """Computes with what a mask keeps alone from now on, or with all weights."""
        if not self.changes(mask):
            return
        densify_(self._model)
        self.mask, self.layers = mask, {}
        if mask is not None:
            names = sparsify_encoder_(self._model, mask, choose=self._choose)
            modules = {name: name.removesuffix(_WEIGHT) for name in names}
            self.layers = {name: self._model.get_submodule(module) for name, module in modules.items()}

    def parameters(self) -> dict[str, nn.Parameter]:
        """The model's parameters; that of a sparse layer is the vector of its kept weights."""
        return self._by_dense_names(dict(self._model.named_parameters()))

    def tensors(self) -> dict[str, Tensor]:
        """Parameters and persistent buffers; what a sparse layer has is the vector of its kept weights."""
        slots = self._by_dense_names(model_tensors(self._model))
        return {name: tensor.detach() for name, tensor in slots.items()}

    def bits(self) -> dict[str, Tensor]:
        """The packed mask of each sparse layer."""
        return {name: layer.bits for name, layer in self.layers.items()}

    def shape(self, name: str) -> torch.Size:
        """The shape of a matrix in the dense model."""
        layer = self.layers.get(name)
        return self._model.get_parameter(name).shape if layer is None else torch.Size(layer.structure.shape)

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Copies the `model.*` entries of a dense model's tensors into the model."""
        for name, target in self._by_dense_names(model_tensors(self._model)).items():
            target.copy_(self.kept(name, tensors[f"model.{name}"]))

    def dense(self, name: str, tensor: Tensor) -> Tensor:
        """A parameter's numbers (values, moments, means) in the dense shape, with zeros."""
        return self.layers[name].spread(tensor) if name in self.layers else tensor

    def kept(self, name: str, tensor: Tensor) -> Tensor:
        """The reverse of `dense`: the numbers in the shape of the parameter."""
        return self.layers[name].gather(tensor) if name in self.layers else tensor

    def formed(self, prefix: str, tensors: Mapping[str, Tensor], compact: bool) -> dict[str, Tensor]:
        """Numbers of parameters under a prefix, in the dense shapes, or (`compact`) as they are."""
        formed = tensors if compact else {name: self.dense(name, t) for name, t in tensors.items()}
        return {f"{prefix}.{name}": tensor for name, tensor in formed.items()}

    def _by_dense_names(self, tensors: Mapping[str, Tensor]) -> dict:
        """Tensors of the model as it is, without the bits of sparse layers."""
        named = {}
        for name, tensor in tensors.items():
            module, _, last = name.rpartition(".")
            if module + _WEIGHT in self.layers and last in ("values", "bits"):
                if last == "bits":
                    continue
                name = module + _WEIGHT
            named[name] = tensor
        return named


class Spread(Mapping[str, Tensor]):
    """The tensors of a checkpoint in the shapes of the dense model, each made when it is asked for.

    Args:
        tensors: the result of `MaskedTrainer.tensors`, compact or not.
        kept: of the trainer that takes them.
    """

    def __init__(self, tensors: Mapping[str, Tensor], kept: KeptWeights):
        self._tensors = tensors
        self._kept = kept

    def __getitem__(self, key: str) -> Tensor:
        tensor, (prefix, _, name) = self._tensors[key], key.partition(".")
        if prefix in _OTHERS or (bits := f"{BITS}{name}") not in self._tensors:
            return tensor
        shape = self._kept.shape(name)
        flat = torch.zeros(shape.numel(), dtype=tensor.dtype)
        mask = np.unpackbits(self._tensors[bits].cpu().numpy(), count=len(flat)).view(bool)
        flat[torch.from_numpy(mask)] = tensor.cpu()
        return flat.view(shape)

    def __contains__(self, key: object) -> bool:
        return key in self._tensors and not str(key).startswith(BITS)

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._tensors if not key.startswith(BITS))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """A model's parameters, tied ones once, and its persistent buffers."""
    parameters = dict(model.named_parameters())
    tied = dict(model.named_parameters(remove_duplicate=False)).keys()
    return parameters | {name: value for name, value in model.state_dict().items() if name not in tied}


@torch.no_grad()
def load_model_tensors(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copies the `model.*` entries of `tensors` into a model of the same architecture."""
    for name, target in model_tensors(model).items():
        target.copy_(tensors[f"model.{name}"])
