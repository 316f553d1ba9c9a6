"""The mask: which weights of a model are kept."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from workbench.errors import BadInput, unknown
from workbench.masks.file import read_mask_file, write_mask_file
from workbench.masks.packed import PackedMatrix, content_digest, popcount


@dataclass(frozen=True, eq=False, repr=False)
class Mask:
    """One bit per prunable weight of a model, set if the weight is kept.

    A mask is a value: named, bit-packed, immutable and hashable. Two masks are equal if their names, shapes
    and bits are equal, regardless of the order of the names. `&`, `|`, `^` and `~` work weight by weight and
    keep the order of the left operand. Create a mask with `from_tensors` or `load`.
    """

    _matrices: dict[str, PackedMatrix]

    def __post_init__(self):
        if not self._matrices:
            raise BadInput("the mapping is empty. A mask needs at least one matrix.")
        for name in self._matrices:
            if not isinstance(name, str) or name in ("", "__metadata__"):
                raise BadInput(f"{name!r} cannot name a matrix. Use the model's parameter names.")

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor]) -> "Mask":
        """Packs boolean tensors.

        Args:
            tensors: for each parameter name, a bool tensor with the parameter's shape, True where the weight
                is kept. Tensors may be on any device; the order of the names is kept.

        Raises:
            BadInput: the mapping is empty, or a tensor is empty or not of dtype bool.
        """
        for name, tensor in tensors.items():
            if not isinstance(tensor, torch.Tensor) or tensor.dtype != torch.bool:
                actual = tensor.dtype if isinstance(tensor, torch.Tensor) else type(tensor).__name__
                raise BadInput(f"mask {name!r} is {actual}. Give a bool tensor, such as `weight != 0`.")
            if tensor.numel() == 0:
                raise BadInput(f"mask {name!r} has shape {tuple(tensor.shape)} and no weights. Leave it out.")
        return cls({name: PackedMatrix.pack(tensor.cpu().numpy()) for name, tensor in tensors.items()})

    @classmethod
    def load(cls, path: str | Path) -> "Mask":
        """Reads a mask file (docs/mask-format.md).

        Raises:
            BadInput: the file is missing, truncated, edited, or not a mask file of a known version.
        """
        return cls(read_mask_file(path))

    def save(self, path: str | Path) -> Path:
        """Writes a mask file (docs/mask-format.md) atomically; equal masks in equal order give equal bytes.

        Raises:
            Stopped: the disk is full or read-only; `path` is unchanged.
        """
        return write_mask_file(path, self._matrices)

    def __getitem__(self, name: str) -> torch.Tensor:
        """The matrix `name` as a new bool tensor on the CPU, True where the weight is kept."""
        return torch.from_numpy(self.packed(name).unpack())

    def __iter__(self) -> Iterator[str]:
        return iter(self._matrices)

    def __len__(self) -> int:
        """Number of matrices."""
        return len(self._matrices)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameter names, in their original order."""
        return tuple(self._matrices)

    def packed(self, name: str) -> PackedMatrix:
        """The packed bits of the matrix `name`, eight per byte."""
        if name not in self._matrices:
            raise unknown("matrix", name, self.names)
        return self._matrices[name]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each matrix."""
        return {name: matrix.shape for name, matrix in self._matrices.items()}

    @cached_property
    def numel(self) -> int:
        """Number of weights that the mask covers."""
        return sum(matrix.numel for matrix in self._matrices.values())

    @cached_property
    def kept(self) -> int:
        """Number of weights kept, exact."""
        return sum(matrix.kept for matrix in self._matrices.values())

    @property
    def sparsity(self) -> float:
        """Share of pruned weights, in [0, 1]."""
        return (self.numel - self.kept) / self.numel

    def kept_per_matrix(self) -> dict[str, int]:
        """Number of weights kept in each matrix, exact."""
        return {name: matrix.kept for name, matrix in self._matrices.items()}

    def layer_sparsity(self) -> pd.Series:
        """Share of pruned weights in each matrix, indexed by name, float64."""
        shares = {name: (m.numel - m.kept) / m.numel for name, m in self._matrices.items()}
        return pd.Series(shares, name="sparsity", dtype="float64").rename_axis("matrix")

    @cached_property
    def digest(self) -> str:
        """A hex digest of names, shapes and bits; the same in every process and on every machine."""
        return content_digest(self._matrices)

    def __hash__(self) -> int:
        return int(self.digest[:15], 16)

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Mask) else NotImplemented

    def __repr__(self) -> str:
        return f"Mask({len(self)} matrices, {self.kept} of {self.numel} kept, sparsity {self.sparsity:.4f})"

    def __and__(self, other: "Mask") -> "Mask":
        return self._combine(other, PackedMatrix.__and__)

    def __or__(self, other: "Mask") -> "Mask":
        return self._combine(other, PackedMatrix.__or__)

    def __xor__(self, other: "Mask") -> "Mask":
        return self._combine(other, PackedMatrix.__xor__)

    def __invert__(self) -> "Mask":
        return Mask({name: ~matrix for name, matrix in self._matrices.items()})

    def common(self, other: "Mask") -> int:
        """Number of weights that two masks of one model both keep, exact."""
        self.check_same_model(other)
        return sum(popcount(m.bits & other._matrices[name].bits) for name, m in self._matrices.items())

    def hamming(self, other: "Mask") -> int:
        """Number of weights on which two masks of one model differ, exact."""
        return self.kept + other.kept - 2 * self.common(other)

    def jaccard(self, other: "Mask") -> float:
        """Weights kept by both divided by weights kept by either, in [0, 1]; 1.0 if neither keeps any."""
        both = self.common(other)
        either = self.kept + other.kept - both
        return both / either if either else 1.0

    @torch.no_grad()
    def apply_(self, model: Any) -> None:
        """Sets the pruned weights to zero, in place.

        Args:
            model: as in `weights_in`. Parameters that the mask does not cover are not changed.

        Raises:
            BadInput: as `weights_in`; no weight has been changed.
        """
        for name, weight in self.weights_in(model).items():
            weight.masked_fill_(~self[name].to(weight.device), 0)

    def weights_in(self, model: Any) -> dict[str, torch.Tensor]:
        """The matrices of a model that the mask covers, in the mask's order.

        Args:
            model: anything with `named_parameters()` like a torch module, or a mapping of names to tensors.
                Tied parameters may have any of their names.

        Raises:
            BadInput: the model lacks a matrix of the mask, or has it with another shape.
        """
        # By default, a tied parameter is listed under only one of its names.
        is_mapping = isinstance(model, Mapping)
        weights = dict(model if is_mapping else model.named_parameters(remove_duplicate=False))
        for name, shape in self.shapes.items():
            if name not in weights:
                raise BadInput(
                    f"this is a mask of another model: it has {name!r}, which this model lacks. "
                    "Use a mask that was made for this model."
                )
            if tuple(weights[name].shape) != shape:
                raise BadInput(
                    f"this is a mask of another model: it has {name!r} with shape {shape}, but the model has "
                    f"shape {tuple(weights[name].shape)}. Use a mask that was made for this model."
                )
        return {name: weights[name] for name in self.names}

    def _combine(self, other: "Mask", operation: Callable) -> "Mask":
        if not isinstance(other, Mask):
            return NotImplemented
        self.check_same_model(other)
        return Mask({name: operation(m, other._matrices[name]) for name, m in self._matrices.items()})

    def check_same_model(self, other: "Mask", first: str = "the first", second: str = "the second") -> None:
        """Checks that two masks have the same matrices with the same shapes.

        Args:
            other: the mask to compare this one with.
            first: what the message calls this mask.
            second: what the message calls `other`.

        Raises:
            BadInput: they do not; the message names the first difference.
        """
        ours, theirs = self.shapes, other.shapes
        for name in (*ours, *theirs):
            left, right = ours.get(name), theirs.get(name)
            if left != right:
                raise BadInput(
                    f"masks of different models: {name!r} is {left or 'missing'} in {first} and "
                    f"{right or 'missing'} in {second}. Combine only masks of one model."
                )
