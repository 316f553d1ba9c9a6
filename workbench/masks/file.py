"""Reads and writes the mask file format of docs/mask-format.md."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save_file

from workbench.errors import BadInput
from workbench.files import read_bytes, text_metadata, write_atomic
from workbench.masks.packed import PackedMatrix, content_digest

FORMAT_VERSION = "1"
# A single key, because safetensors writes several keys in an order that varies between processes.
METADATA_KEY = "workbench.mask"


def write_mask_file(path: str | Path, matrices: Mapping[str, PackedMatrix]) -> Path:
    """Writes `matrices` atomically; equal matrices in the same order give equal bytes."""
    description = {
        "version": FORMAT_VERSION,
        "digest": content_digest(matrices),
        "matrices": {name: {"shape": m.shape, "kept": m.kept} for name, m in matrices.items()},
    }
    bits = {name: matrix.bits for name, matrix in matrices.items()}
    metadata = {METADATA_KEY: json.dumps(description)}
    return write_atomic(path, lambda temporary: save_file(bits, temporary, metadata=metadata))


def read_mask_file(path: str | Path) -> dict[str, PackedMatrix]:
    """Reads the matrices of a mask file, in the order in which they were written.

    Raises:
        BadInput: the file is missing, truncated, edited, or not a mask file of a known version.
    """
    if not Path(path).is_file():
        raise BadInput(f"there is no mask file {path}. Give the path of a file written by Mask.save.")
    try:
        return _read(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise BadInput(
            f"{path} is not a usable mask file: {error}. It was truncated, edited or written by another "
            "program; copy it again from its run folder, or save the mask again with Mask.save."
        ) from error


def _read(path: str | Path) -> dict[str, PackedMatrix]:
    content = read_bytes(path)
    stored = dict(deserialize(content))
    description = _description(text_metadata(content))
    listed = description["matrices"]
    if listed.keys() != stored.keys():
        raise ValueError(f"its header and its data do not both have {min(listed.keys() ^ stored.keys())!r}")
    matrices = {name: _matrix(name, entry, stored[name]) for name, entry in listed.items()}
    if content_digest(matrices) != description["digest"]:
        raise ValueError("its contents do not match the digest in its header")
    return matrices


def _description(metadata: dict[str, str]) -> dict:
    if METADATA_KEY not in metadata:
        raise ValueError(f"its header has no entry {METADATA_KEY!r}")
    description = json.loads(metadata[METADATA_KEY])
    if not isinstance(description, dict) or description.get("version") != FORMAT_VERSION:
        version = description.get("version") if isinstance(description, dict) else description
        raise ValueError(f"its format version is {version!r}, and only {FORMAT_VERSION!r} is supported")
    if not isinstance(description.get("matrices"), dict) or "digest" not in description:
        raise ValueError("its header lacks the list of matrices or the digest")
    return description


def _matrix(name: str, entry: object, stored: dict) -> PackedMatrix:
    shape = entry.get("shape") if isinstance(entry, dict) else None
    if not isinstance(shape, list) or not all(type(length) is int and length > 0 for length in shape):
        raise ValueError(f"its header gives {name!r} the shape {shape!r}")
    if stored["dtype"] != "U8":
        raise ValueError(f"{name!r} is stored as {stored['dtype']}, not U8")
    matrix = PackedMatrix(tuple(shape), np.frombuffer(stored["data"], np.uint8).reshape(stored["shape"]))
    if matrix.kept != entry.get("kept"):
        raise ValueError(f"{name!r} keeps {matrix.kept} weights, but its header says {entry.get('kept')}")
    return matrix
