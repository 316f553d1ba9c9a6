"""Memory for activations: large pages, and pages that have been used before.

Nearly every kept weight takes its tokens from another small page, and to look pages up takes a quarter of the
time of a product of BERT's widths (measured on an AMD EPYC). And the system clears every page that it gives,
which costs as much as the work on it: memory that nobody holds any longer is used again.
"""

import math
import mmap
import threading
import weakref
from collections import defaultdict

import numpy as np
import torch

_PAGE = 1 << 21
# Numpy has no bfloat16; its kernels know it as uint16.
_NUMPY = {torch.float32: np.float32, torch.bfloat16: np.uint16}
_free: dict[int, list[mmap.mmap]] = defaultdict(list)
_lock = threading.Lock()


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """An uninitialised contiguous float32 or bfloat16 tensor on the CPU."""
    size = math.prod(shape) * dtype.itemsize
    if size < _PAGE // 2 or not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.empty(shape, dtype=dtype)
    pages = -(-size // _PAGE)
    with _lock:
        memory = _free[pages].pop() if _free[pages] else None
    memory = memory or _fresh(pages)
    whole = np.frombuffer(memory, np.uint8)
    first = -whole.ctypes.data % _PAGE
    array = whole[first : first + size].view(_NUMPY[dtype]).reshape(shape)
    # The tensor holds this array as long as anything holds the tensor's memory.
    weakref.finalize(array, _give_back, pages, memory).atexit = False
    tensor = torch.from_numpy(array)
    return tensor if dtype == torch.float32 else tensor.view(torch.bfloat16)


def release() -> None:
    """Gives the memory that is not in use back to the system."""
    with _lock:
        _free.clear()


def numbers(tensor: torch.Tensor) -> np.ndarray:
    """A contiguous tensor as the kernels take it, its memory shared."""
    tensor = tensor.detach()
    return tensor.view(torch.uint16).numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()


def _fresh(pages: int) -> mmap.mmap:
    # Shared memory, the default, has no large pages.
    memory = mmap.mmap(-1, (pages + 1) * _PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def _give_back(pages: int, memory: mmap.mmap) -> None:
    with _lock:
        _free[pages].append(memory)
