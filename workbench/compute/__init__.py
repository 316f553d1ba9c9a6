"""Sparse products on a CPU, the layers made of them, and dropout that costs little beside them."""

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
