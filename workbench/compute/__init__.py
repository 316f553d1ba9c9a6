"""Sparse layers for a CPU: they store only the kept weights of a matrix and multiply only those.

From the bottom up: `kernels` are the inner loops; `structure` says where the kept weights of a matrix are;
`products` multiplies, `functions` makes that differentiable, and `layers` makes a layer of it; `sparsify`
exchanges the layers of a model; `break_even` and `calibration` decide which layers are faster when sparse.
`dropout` is a fast dropout, and `memory` reuses the memory of activations.
"""

from workbench.compute.break_even import BreakEven
from workbench.compute.calibration import measured_break_even
from workbench.compute.dropout import QuickDropout
from workbench.compute.layers import SparseLinear
from workbench.compute.sparsify import densify_, fuse_feed_forward_, load_sparse_, sparse_mask, sparsify_
from workbench.compute.support import supported

__all__ = [
    "BreakEven",
    "QuickDropout",
    "SparseLinear",
    "densify_",
    "fuse_feed_forward_",
    "load_sparse_",
    "measured_break_even",
    "sparse_mask",
    "sparsify_",
    "supported",
]
