"""A view of tensors for the ranking kernels: bits in C order, read one span at a time."""

from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType

import numpy as np
import torch

from workbench.errors import BadInput
from workbench.masks.of_every import widened
from workbench.masks.parallel import spans
from workbench.masks.ranking.keys import FLOAT32, FLOAT64, Layout


def check_rankable(name: str, tensor: object) -> None:
    """Rejects tensors that cannot be ranked, except for NaN and infinity, which are only found by reading.

    Raises:
        BadInput: it is not a floating-point torch tensor, or it is empty.
    """
    if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
        actual = getattr(tensor, "dtype", type(tensor).__name__)
        raise BadInput(f"{name!r} is {actual}, but only floating-point tensors can be ranked. Convert it.")
    if tensor.numel() == 0:
        raise BadInput(f"{name!r} has shape {tuple(tensor.shape)} and no weights to rank. Leave it out.")


def check_finite(name: str, tensor: torch.Tensor) -> None:
    """Rejects a tensor in which an entry is NaN or infinite."""
    if count := tensor.numel() - int(widened(tensor).isfinite().sum()):
        raise BadInput(
            f"{count} of {tensor.numel()} values of {name!r} are NaN or infinite and cannot be ranked. "
            "Check the training that produced them (its loss and learning rate)."
        )


def on_host(tensors: Iterable[torch.Tensor]) -> bool:
    """Whether all tensors are in CPU memory.

    Only then may other threads work on them: on a device, their kernels would not run in the caller's stream.
    """
    return all(tensor.device.type == "cpu" for tensor in tensors)


class Vector:
    """A tensor's entries in C order, read as bits one span at a time.

    The tensor is not copied, unless it is not contiguous.

    Attributes:
        name: name of the tensor.
        size: number of entries.
        layout: the format that entries are widened to.
        on_host: whether the tensor is in CPU memory.
        kernels: the module that processes its bits: `kernels_numba` or `kernels_torch`, which have the same
            functions and give the same results.
    """

    def __init__(self, name: str, tensor: torch.Tensor, layout: Layout):
        self.name = name
        self.layout = layout
        self.on_host = on_host([tensor])
        self.kernels = _kernels(self.on_host)
        self._flat = tensor.detach().reshape(-1)
        self.size = self._flat.numel()

    def spans(self) -> list[tuple[int, int]]:
        """The spans to read: chunks on the CPU, everything at once on a device."""
        return spans(self.size) if self.on_host else [(0, self.size)]

    def bits(self, start: int, stop: int) -> np.ndarray | torch.Tensor:
        """The bits of entries start to stop, in the form that `kernels` takes: a NumPy array or a tensor."""
        return self.kernels.bits_of(self._flat[start:stop], self.layout)

    def sample(self, step: int) -> np.ndarray:
        """Every step-th entry, in the layout's format."""
        return self._flat[::step].cpu().to(self.layout.real).numpy()

    def check_finite(self) -> None:
        """Checks the whole vector for NaN and infinity.

        Raises:
            BadInput: an entry is NaN or infinite.
        """
        check_finite(self.name, self._flat)


def common_layout(tensors: Iterable[torch.Tensor]) -> Layout:
    """The narrowest layout that represents all tensors exactly: float64 if any is float64, else float32."""
    return FLOAT64 if any(tensor.dtype == torch.float64 for tensor in tensors) else FLOAT32


def vectors_of(tensors: Mapping[str, torch.Tensor], names: Sequence[str]) -> list[Vector]:
    """The tensors of one group as vectors with the same layout."""
    layout = common_layout(tensors[name] for name in names)
    return [Vector(name, tensors[name], layout) for name in names]


def _kernels(on_host: bool) -> ModuleType:
    # Imported when first used, because numba takes a while to import.
    if on_host:
        from workbench.masks.ranking import kernels_numba as kernels
    else:
        from workbench.masks.ranking import kernels_torch as kernels
    return kernels
