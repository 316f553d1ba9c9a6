"""Image tasks: CIFAR-10 (Krizhevsky 2009), and scikit-learn's digits, which need no download."""

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from workbench.errors import BadInput
from workbench.randomness import numpy_generator
from workbench.tasks import parquet
from workbench.tasks.download import rows_from_hub
from workbench.tasks.rows import RawSplit, clean
from workbench.tasks.task import Schema, Task

FOLDER_VARIABLE = "WORKBENCH_CIFAR10_DIR"
HUB_DATASET = "uoft-cs/cifar10"
CONFIGURATION = "plain_text"
DIGITS_DEV_SHARE = 0.2

SCHEMAS: dict[str, Schema] = {
    "cifar10": Schema(
        ("img",),
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        ("accuracy",),
        dev=("test",),
        modality="images",
        augmented=True,
    ),
    "digits": Schema(("img",), tuple("0123456789"), ("accuracy",), modality="images"),
}


def load_vision(name: str) -> Task:
    """Loads an image task.

    CIFAR-10 is loaded from the folder in WORKBENCH_CIFAR10_DIR if that is set, else from the Hub.

    Raises:
        BadInput: the folder lacks a file, a column or a label, or the Hub cannot be reached.
    """
    return _cifar10() if name == "cifar10" else _digits()


def _cifar10() -> Task:
    schema = SCHEMAS["cifar10"]
    root = os.environ.get(FOLDER_VARIABLE)
    raw = _from_folder(Path(root).expanduser(), schema) if root else _from_hub(schema)
    splits, dropped = {}, {}
    for split in ("train", *schema.dev):
        frame, count = clean(raw[split], schema)
        splits[split] = frame.assign(img=_files(frame["img"], raw[split].origin))
        if count:
            dropped[split] = count
    return Task.of("vision/cifar10", schema, splits, dropped)


def _from_folder(root: Path, schema: Schema) -> dict[str, RawSplit]:
    folder = next((path for path in (root, root / CONFIGURATION) if parquet.is_here(path)), None)
    if folder is None:
        raise BadInput(
            f"{FOLDER_VARIABLE} is {str(root)!r}, which has no Parquet file, neither directly nor in "
            f"{CONFIGURATION}. Point it at a copy of {HUB_DATASET} with train-*.parquet and test-*.parquet, "
            "unset it to use the Hub, or use vision/digits."
        )
    return parquet.read(folder, "cifar10", schema)


def _from_hub(schema: Schema) -> dict[str, RawSplit]:
    alternatives = f"set {FOLDER_VARIABLE} to a local copy of its Parquet files, use vision/digits"
    return rows_from_hub("vision/cifar10", HUB_DATASET, CONFIGURATION, schema, alternatives)


def _files(cells: pd.Series, origin: str) -> list[bytes]:
    """Extracts the image files from the Hub's cells, which hold each file's bytes and name."""
    files = [cell.get("bytes") if isinstance(cell, dict) else None for cell in cells]
    if None in files:
        raise BadInput(
            f"{origin} has no image in row {files.index(None)} of column 'img'. Replace it with the "
            "complete file."
        )
    return files


def _digits() -> Task:
    """The 1,797 digits of 8 x 8 pixels; a fixed fifth of them is dev."""
    from sklearn.datasets import load_digits  # takes a second

    digits = load_digits()
    # Scales the 17 grey levels, 0 to 16, to those of an image file.
    files = [_png(np.round(image * 255 / 16).astype(np.uint8)) for image in digits.images]
    frame = pd.DataFrame({"img": files, "label": digits.target.astype(np.int64)})
    order = numpy_generator("vision/digits", "dev").permutation(len(frame))
    size = round(DIGITS_DEV_SHARE * len(frame))
    dev, train = (frame.iloc[np.sort(rows)].reset_index(drop=True) for rows in (order[:size], order[size:]))
    return Task.of("vision/digits", SCHEMAS["digits"], {"train": train, "validation": dev})


def _png(grey: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    return file.getvalue()
