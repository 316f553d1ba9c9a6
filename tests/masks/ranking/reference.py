"""A slow and obvious reference for exact ranking."""

from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.execution.environment import torch_threads
from workbench.masks import parallel
from workbench.masks.ranking import vectors

# Either few distinct values, so that ties at the threshold are common, or arbitrary values.
TIES = st.sampled_from([-2.0, -1.0, -1e-45, -0.0, 0.0, 1e-45, 2e-45, 0.5, 1.0, 3e38])
ANY = st.floats(width=32, allow_nan=False, allow_infinity=False)
SIZES = st.sampled_from([1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129])
SHAPES = st.one_of(hnp.array_shapes(max_dims=3, max_side=7), SIZES.map(lambda size: (size,)))
ARRAYS = st.one_of(
    hnp.arrays(np.float32, SHAPES, elements=TIES), hnp.arrays(np.float32, SHAPES, elements=ANY)
)
# Ways to do the work, which must not affect results: (chunk, threads, whether torch's kernels are used).
WAYS = st.tuples(st.sampled_from([8, 16, 64, 1 << 18]), st.sampled_from([1, 2, 3]), st.booleans())


def slow_top_k(values: list[float], kept: int) -> list[bool]:
    ranked = sorted(range(len(values)), key=lambda i: (-values[i], i))
    chosen = set(ranked[:kept])
    return [i in chosen for i in range(len(values))]


@contextmanager
def working(way: tuple[int, int, bool]):
    """Within this, ranking works in the given way; with torch's kernels as if tensors were on a device."""
    chunk, threads, by_torch = way
    with torch_threads(threads), patch.object(parallel, "CHUNK", chunk):
        if by_torch:
            with patch.object(vectors, "on_host", lambda tensors: False):
                yield
        else:
            yield


def entries(tensors) -> list:
    """The entries of several tensors as one list."""
    return [value for tensor in tensors for value in tensor.flatten().tolist()]
