"""The same bits in every training on the same GPU."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.utils.deterministic as memory

from workbench.errors import BadInput

# With one of these, cuBLAS has a workspace for each stream. It reads the variable before the first product.
_VARIABLE, _WORKSPACES = "CUBLAS_WORKSPACE_CONFIG", (":4096:8", ":16:8")


@contextmanager
def deterministic(wanted: bool = True) -> Iterator[None]:
    """Restricts torch to deterministic algorithms in a block; its settings are restored afterwards.

    Args:
        wanted: False to change nothing.

    Raises:
        BadInput: an operation in the block has no deterministic algorithm on a GPU.
    """
    if not wanted:
        yield
        return
    mode, fills = torch.get_deterministic_debug_mode(), memory.fill_uninitialized_memory
    workspace = os.environ.get(_VARIABLE)
    if workspace not in _WORKSPACES:
        os.environ[_VARIABLE] = _WORKSPACES[0]
    # The same as `use_deterministic_algorithms(True)`, which also imports torch's compiler for a second.
    torch.set_deterministic_debug_mode("error")
    memory.fill_uninitialized_memory = False  # it costs time, and only finds defects
    try:
        yield
    except RuntimeError as error:
        if (message := _explained(str(error))) is None:
            raise
        raise BadInput(message) from error
    finally:
        torch.set_deterministic_debug_mode(mode)
        memory.fill_uninitialized_memory = fills
        if workspace is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = workspace


def _explained(error: str) -> str | None:
    """What to do about an error of torch; None if it is not about determinism."""
    if _VARIABLE in error:
        return (
            "this process used the GPU before the run, and its matrix products are not deterministic. Start "
            f"it with {_VARIABLE}={_WORKSPACES[0]} in its environment."
        )
    what, found, _ = error.partition(" does not have a deterministic implementation")
    if not found:
        return None
    return (
        f"{what} has no deterministic algorithm on a GPU, so the run could not be repeated. Choose another "
        "model, or set ACCELERATE_USE_CPU=true to train on the CPU."
    )
