"""Whether the kernels work on this processor: they are compiled and tried once."""

import functools
import warnings

import numpy as np
import torch

from workbench.compute import products
from workbench.compute.structure import Structure


@functools.cache
def supported() -> bool:
    """Whether the kernels compile and multiply correctly here; if not, a warning is issued once."""
    try:
        trouble = _trouble()
    except Exception as error:
        trouble = f"they do not compile ({type(error).__name__}: {str(error).splitlines()[0]})"
    if trouble:
        warnings.warn(
            f"sparse kernels are not used on this processor: {trouble}. Layers are computed densely.",
            stacklevel=2,
        )
    return not trouble


def _trouble() -> str | None:
    mask = torch.tensor([[True, False, True], [False, False, True]])
    structure, value, bias = Structure.of(mask), np.array([1, 2, 4], np.float32), np.ones(2, np.float32)
    x = torch.tensor([[1.0, 2, 3], [4, 5, 6]])
    for dtype in (torch.float32, torch.bfloat16):
        blocks = products.to_blocks(x, dtype)
        y, _ = products.multiply(structure.rows, value, bias, blocks, 2)
        dx, dvalue = products.gradients(structure, value, products.to_blocks(x[:, :2], dtype), blocks, 2)
        found = [*products.from_blocks(y, 2, dtype).tolist(), *products.from_blocks(dx, 2, dtype).tolist()]
        if found != [[8, 13], [17, 25], [1, 0, 10], [4, 0, 28]] or dvalue.tolist() != [17, 27, 36]:
            return "their products are wrong"
    return None
