"""A linear layer that stores only its kept weights."""

import math
import threading
import weakref
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from workbench.compute import functions
from workbench.compute.structure import Structure
from workbench.compute.support import supported
from workbench.errors import BadInput


class SparseLinear(nn.Module):
    """`nn.Linear` with a fixed mask: the same output, computed from the kept weights only.

    Under torch's autocast to bfloat16, and for bfloat16 inputs, activations are bfloat16 and weights and sums
    float32; otherwise everything is float32. Where the kernels do not work (other formats, devices or
    processors), it multiplies a dense matrix.

    Attributes:
        values: float32 parameter, the kept weights row by row, `weight[mask]`.
        bias: float32 parameter (out_features), or None.
        bits: uint8 buffer, the mask packed by `numpy.packbits`, so that a state dict is complete.
    """

    def __init__(self, structure: Structure, values: torch.Tensor, bias: torch.Tensor | None):
        super().__init__()
        if values.shape != (structure.kept,):
            raise BadInput(
                f"{tuple(values.shape)} values for a mask that keeps {structure.kept} weights; "
                "give one for each"
            )
        self.structure = structure
        self.out_features, self.in_features = structure.shape
        self.values = nn.Parameter(values.float())
        self.bias = None if bias is None else nn.Parameter(bias.float())
        self.register_buffer("bits", torch.from_numpy(np.packbits(structure.mask().numpy().reshape(-1))))
        self.deferred = False

    @classmethod
    def of(cls, linear: nn.Linear, mask: torch.Tensor) -> "SparseLinear":
        """Makes a sparse layer from a dense one, without the pruned weights.

        Args:
            linear: on the CPU.
            mask: bool, in the weight's shape, True where a weight is kept.

        Raises:
            BadInput: the mask has another shape, or the layer is on another device.
        """
        weight = linear.weight.detach()
        if mask.shape != weight.shape:
            raise BadInput(
                f"a mask of shape {tuple(mask.shape)} for weights of shape {tuple(weight.shape)}; "
                "use a mask that was made for this model"
            )
        if weight.device.type != "cpu":
            raise BadInput(
                f"sparse layers compute on a CPU, and this one is on {weight.device}; use dense ones"
            )
        structure = Structure.of(mask)
        bias = None if linear.bias is None else linear.bias.detach().clone()
        layer = cls(structure, weight.reshape(-1)[structure.positions()], bias)
        layer.values.requires_grad_(linear.weight.requires_grad)
        return layer.train(linear.training)

    @property
    def weight(self) -> torch.Tensor:
        """A new tensor (out_features, in_features) with zeros; gradients reach `values`."""
        return self.spread(self.values)

    def spread(self, values: torch.Tensor) -> torch.Tensor:
        """The matrix that has these numbers at the kept weights and zeros elsewhere."""
        flat = torch.zeros(math.prod(self.structure.shape), dtype=values.dtype, device=values.device)
        flat = flat.index_put((self.structure.positions().to(values.device),), values)
        return flat.view(self.structure.shape)

    def gather(self, matrix: torch.Tensor) -> torch.Tensor:
        """The entries of a matrix at the positions of the kept weights."""
        return matrix.reshape(-1)[self.structure.positions().to(matrix.device)]

    def dense(self) -> nn.Linear:
        """Makes a dense layer with the same weights, and zeros."""
        linear = nn.utils.skip_init(
            nn.Linear, self.in_features, self.out_features, self.bias is not None, device=self.values.device
        )
        with torch.no_grad():
            linear.weight.copy_(self.weight)
            if self.bias is not None:
                linear.bias.copy_(self.bias)
        linear.weight.requires_grad_(self.values.requires_grad)
        return linear.train(self.training)

    def forward(self, x: "torch.Tensor | Deferred") -> "torch.Tensor | Deferred":
        """(..., in_features) to (..., out_features)."""
        if isinstance(x, Deferred):
            return x.layer._feed_forward(x.x, self)
        if (dtype := self._dtype(x)) is None:
            bias = None if self.bias is None else self.bias.to(x.dtype)
            return nn.functional.linear(x, self.weight.to(x.dtype), bias)
        if self.deferred:
            return Deferred(self, x)
        number = x.numel() // self.in_features
        y = functions.product(_into_blocks(x, dtype), self.values, self.bias, self.structure, number)
        return self._tokens(y, x, number)

    def _feed_forward(self, x: torch.Tensor, second: "SparseLinear") -> torch.Tensor:
        number = x.numel() // self.in_features
        pair = [(layer.values, layer.bias, layer.structure) for layer in (self, second)]
        y = functions.feed_forward(_into_blocks(x, self._dtype(x)), *pair, number)
        return second._tokens(y, x, number)

    def _tokens(self, y: torch.Tensor, x: torch.Tensor, number: int) -> torch.Tensor:
        return functions.out_of_blocks(y, number).view(*x.shape[:-1], self.out_features)

    def _dtype(self, x: torch.Tensor) -> torch.dtype | None:
        """The format to compute in; None if the kernels cannot."""
        if x.shape[-1] != self.in_features:
            raise BadInput(f"{x.shape[-1]} features for a layer that takes {self.in_features}")
        known = {x.device.type, self.values.device.type} == {"cpu"} and self.values.dtype == torch.float32
        if not known or not supported():
            return None
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
        return dtype if {x.dtype, dtype} <= {torch.float32, torch.bfloat16} else None

    def extra_repr(self) -> str:
        """What torch prints for the layer."""
        share = 1 - self.structure.kept / max(math.prod(self.structure.shape), 1)
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}, sparsity={share:.3f}"
        )


@dataclass(frozen=True)
class Deferred:
    """The output of a layer whose successor computes both; see `fuse_feed_forward_`."""

    layer: SparseLinear
    x: torch.Tensor


class Skipped(nn.Module):
    """An activation that the layers around it compute if they are fused, and that is applied otherwise."""

    def __init__(self, activation: nn.Module):
        super().__init__()
        self.activation = activation

    def forward(self, x: torch.Tensor | Deferred) -> torch.Tensor | Deferred:
        """(...) to (...)."""
        return x if isinstance(x, Deferred) else self.activation(x)


class _Latest(threading.local):
    """The blocks of the latest tokens, which several projections of one input share."""

    def __init__(self):
        self.forget()

    def forget(self, tokens: weakref.ref | None = None) -> None:
        """Forgets the latest tokens, or only if they are the given ones."""
        if tokens is None or tokens is self.tokens:
            self.tokens = self.how = self.blocks = None

    def of(self, x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        how = (x._version, dtype, torch.is_grad_enabled())
        if self.tokens is None or self.tokens() is not x or self.how != how:
            self.forget()
            self.blocks, self.how = functions.into_blocks(x.reshape(-1, x.shape[-1]), dtype), how
            # They go with their tokens, if nothing else holds them.
            self.tokens = weakref.ref(x, self.forget)
        return self.blocks


_latest = _Latest()


def _into_blocks(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    # Inference tensors do not tell whether they were written to.
    if x.is_inference():
        return functions.into_blocks(x.reshape(-1, x.shape[-1]), dtype)
    return _latest.of(x, dtype)
