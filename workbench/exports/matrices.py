"""Exports of the mask, and of sparse matrices for NumPy and SciPy."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from scipy import sparse

from workbench.exports.model_files import copy_model
from workbench.files import write_json
from workbench.runs import Run


def write_mask(run: Run, folder: Path) -> dict:
    """Writes `mask.safetensors` (docs/mask-format.md)."""
    mask = run.mask()
    mask.save(folder / "mask.safetensors")
    return {"kept": mask.kept, "numel": mask.numel}


def write_matrices(run: Run, folder: Path) -> dict:
    """Writes each pruned matrix as compressed CSR, `matrices/<name>.npz`, and everything else as `rest.npz`.

    Tensors of more than two dimensions are flattened to (outputs, rest); `shapes.json` has all shapes.
    """
    mask, tensors = run.mask(), load_file(run.folder.model_weights)
    (folder / "matrices").mkdir()
    zeros = 0
    for name in mask.names:
        weight = tensors.pop(name)
        matrix = sparse.csr_array(weight.reshape(len(weight), -1))
        sparse.save_npz(folder / "matrices" / f"{name}.npz", matrix)
        zeros += weight.size - matrix.nnz
    np.savez(folder / "rest.npz", **tensors)
    write_json(folder / "shapes.json", {name: list(shape) for name, shape in mask.shapes.items()})
    copy_model(run, folder, weights=False)
    return {"zeros": zeros}
