"""Tensors as what can be ranked: read in C order, a span at a time, as bits that a kernel takes."""

from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType

import numpy as np
import torch

from workbench.errors import BadInput
from workbench.masks.parallel import spans
from workbench.masks.ranking.keys import FLOAT32, FLOAT64, Layout


def check_rankable(name: str, tensor: object) -> None:
    """Refuses what has no order, except for NaN and infinity, which only reading it all can find.

    Raises:
        BadInput: not a floating-point torch tensor, or an empty one.
    """
    if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
        found = getattr(tensor, "dtype", type(tensor).__name__)
        raise BadInput(f"{name!r} is {found}; only floating-point torch tensors can be ranked")
    if tensor.numel() == 0:
        raise BadInput(f"{name!r} has shape {tuple(tensor.shape)}: no weight to rank; leave it out")


def not_finite(name: str, wrong: int, numel: int) -> BadInput:
    """The error for a tensor with `wrong` entries that are NaN or infinite."""
    return BadInput(
        f"{wrong} of {numel} values of {name!r} are NaN or infinite and cannot be ranked. "
        "Check the training that made them (its loss, its learning rate)."
    )


def on_host(tensors: Iterable[torch.Tensor]) -> bool:
    """Whether all live in the CPU's memory.

    Only then may other threads work on them: what they launched on a device would not follow the caller's
    stream.
    """
    return all(tensor.device.type == "cpu" for tensor in tensors)


class Vector:
    """A tensor's entries in C order, read as bits a span at a time and never copied whole.

    (Except for a tensor that is not contiguous, of which a contiguous copy lives as long as this.)

    Attributes:
        name: the tensor's.
        size: number of entries.
        layout: what the entries are widened to.
        on_host: whether it lives in the CPU's memory.
        kernels: the module that computes with its bits: `kernels_numba` or `kernels_torch`, which have the
            same functions and give the same results.
    """

    def __init__(self, name: str, tensor: torch.Tensor, layout: Layout):
        self.name = name
        self.layout = layout
        self.on_host = on_host([tensor])
        self.kernels = _kernels(self.on_host)
        self._flat = tensor.detach().reshape(-1)
        self.size = self._flat.numel()

    def spans(self) -> list[tuple[int, int]]:
        """What to read at a time: a chunk each on the CPU, all of it on a device."""
        return spans(self.size) if self.on_host else [(0, self.size)]

    def bits(self, start: int, stop: int) -> np.ndarray | torch.Tensor:
        """The bits of entries start to stop, as `kernels` takes them: a NumPy array or a tensor."""
        return self.kernels.bits_of(self._flat[start:stop], self.layout)

    def sample(self, step: int) -> np.ndarray:
        """Every step-th entry, as a number of the layout."""
        return self._flat[::step].cpu().to(self.layout.real).numpy()

    def check_finite(self) -> None:
        """Reads the whole vector.

        Raises:
            BadInput: an entry is NaN or infinite.
        """
        finite = int(self._flat.to(self.layout.real).isfinite().sum())
        if finite < self.size:
            raise not_finite(self.name, self.size - finite, self.size)


def common_layout(tensors: Iterable[torch.Tensor]) -> Layout:
    """The narrowest layout that holds every tensor exactly: float64 if any is, else float32."""
    return FLOAT64 if any(tensor.dtype == torch.float64 for tensor in tensors) else FLOAT32


def vectors_of(tensors: Mapping[str, torch.Tensor], names: Sequence[str]) -> list[Vector]:
    """The tensors of one group as vectors of one layout."""
    layout = common_layout(tensors[name] for name in names)
    return [Vector(name, tensors[name], layout) for name in names]


def _kernels(on_host: bool) -> ModuleType:
    # Imported when first used: numba takes a while to import.
    if on_host:
        from workbench.masks.ranking import kernels_numba as kernels
    else:
        from workbench.masks.ranking import kernels_torch as kernels
    return kernels
