"""Memory for activations: large pages, which are reused.

With small pages, nearly every kept weight reads its tokens from a different page, and address translation
takes a quarter of the time of a product of BERT's widths (measured on an AMD EPYC). The system also clears
every page that it hands out, which costs as much as the work on it; so memory that is no longer in use is
used again.
"""

import math
import mmap
import threading
import weakref

import numpy as np
import torch

_PAGE = 1 << 21
# NumPy has no bfloat16; the kernels take it as uint16.
_NUMPY = {torch.float32: np.float32, torch.bfloat16: np.uint16}


class Pool:
    """Reusable memory; used and free pages together never exceed the most that were in use at one time.

    Batches differ in length, so a free piece may be up to a quarter larger than the request that it serves.

    Attributes:
        used: pages that are in use.
        most: the most pages that were in use at one time since `release`.
    """

    def __init__(self):
        self.used = self.most = 0
        self._free: list[tuple[int, mmap.mmap]] = []  # the latest is the last
        # The garbage collector may give memory back while this thread takes some.
        self._lock = threading.RLock()

    @property
    def free(self) -> int:
        """Pages that are held and not in use."""
        return sum(pages for pages, _ in self._free)

    def take(self, pages: int) -> tuple[int, mmap.mmap]:
        """Returns at least `pages` large pages: their number, and memory that need not be aligned to them."""
        with self._lock:
            fits = [piece for piece in self._free if pages <= piece[0] <= pages + pages // 4]
            if piece := min(fits, key=lambda piece: piece[0], default=None):
                self._free.remove(piece)
            self.used += piece[0] if piece else pages
            self.most = max(self.most, self.used)
            while self._free and self.used + self.free > self.most:
                del self._free[0]
        return piece or (pages, _fresh(pages))

    def give_back(self, piece: tuple[int, mmap.mmap]) -> None:
        """Takes back what `take` returned."""
        with self._lock:
            self.used -= piece[0]
            self._free.append(piece)

    def release(self) -> None:
        """Returns unused memory to the system."""
        with self._lock:
            self._free.clear()
            self.most = self.used


_pool = Pool()
release = _pool.release


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """An uninitialised contiguous float32 or bfloat16 tensor on the CPU."""
    size = math.prod(shape) * dtype.itemsize
    if size < _PAGE // 2 or not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.empty(shape, dtype=dtype)
    piece = _pool.take(-(-size // _PAGE))
    whole = np.frombuffer(piece[1], np.uint8)
    first = -whole.ctypes.data % _PAGE
    array = whole[first : first + size].view(_NUMPY[dtype]).reshape(shape)
    # The tensor holds this array as long as anything holds the tensor's memory.
    weakref.finalize(array, _pool.give_back, piece).atexit = False
    tensor = torch.from_numpy(array)
    return tensor if dtype == torch.float32 else tensor.view(torch.bfloat16)


def numbers(tensor: torch.Tensor) -> np.ndarray:
    """A contiguous tensor as an array for the kernels, sharing its memory."""
    tensor = tensor.detach()
    return tensor.view(torch.uint16).numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()


def _fresh(pages: int) -> mmap.mmap:
    # Shared memory, the default, has no large pages.
    memory = mmap.mmap(-1, (pages + 1) * _PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
