"""Sparse layers for a CPU: they store only the kept weights of a matrix and multiply only those.

From the bottom up: `kernels` are the inner loops; `structure` says where the kept weights of a matrix are;
`products` multiplies, `functions` makes that differentiable, and `layers` makes a layer of it; `sparsify`
exchanges the layers of a model; `break_even` and `calibration` decide which layers are faster when sparse.
`dropout` is a fast dropout, and `memory` reuses the memory of activations.
"""

from workbench.process import imported_when_used

_HOMES = {
    "BreakEven": "break_even",
    "QuickDropout": "dropout",
    "SparseLinear": "layers",
    "densify_": "sparsify",
    "fuse_feed_forward_": "sparsify",
    "load_sparse_": "sparsify",
    "measured_break_even": "calibration",
    "sparse_mask": "sparsify",
    "sparsify_": "sparsify",
    "supported": "support",
}

__all__ = list(_HOMES)

__getattr__, __dir__ = imported_when_used(__name__, _HOMES)
