"""Decodes image files to pixel arrays, once per split, and collates batches with optional augmentation."""

import hashlib
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pandas as pd
import torch
from PIL import Image

from workbench.errors import BadInput
from workbench.tasks.task import Task

# ImageNet statistics, which the published ResNets, including those for CIFAR, use to normalise their inputs.
MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)[:, None, None]
DEVIATION = np.array([0.229, 0.224, 0.225], dtype=np.float32)[:, None, None]
MARGIN = 4


@dataclass(frozen=True, eq=False)
class Images:
    """A split of images of the same size; example i is row i of its frame.

    Attributes:
        pixels: (n, 3, h, w) uint8, RGB.
        labels: (n,) int64 classes, or float32 targets for regression.
    """

    pixels: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def lengths(self) -> np.ndarray:
        """(n,) int64, pixels in each example; all equal."""
        return np.full(len(self), self.pixels.shape[2] * self.pixels.shape[3], dtype=np.int64)

    def digest(self) -> str:
        """Sixteen hex digits of a digest of the model's inputs, without the labels."""
        digest = hashlib.sha256(str(self.pixels.shape).encode())
        digest.update(self.pixels)
        return digest.hexdigest()[:16]

    def collate(self, indices: np.ndarray, rng: np.random.Generator | None = None) -> dict[str, torch.Tensor]:
        """Collates one batch.

        Args:
            indices: (b,) indices of the examples.
            rng: source of a random crop and a random flip for each image; None for no augmentation.

        Returns:
            pixel_values (b, 3, h, w) float32, normalised per channel; labels (b,), int64 or float32.
        """
        values = (self.pixels[indices] / np.float32(255) - MEAN) / DEVIATION
        if rng is not None:
            values = augment(values, rng)
        return {"pixel_values": torch.from_numpy(values), "labels": torch.from_numpy(self.labels[indices])}


def augment(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Flips each image at random and shifts it by up to 4 pixels each way (He et al. 2016, section 4.2).

    The shift is a random crop of the image padded with zeros, the mean colour after normalisation.

    Args:
        images: (b, c, h, w), normalised.
        rng: source of randomness.

    Returns:
        A new array of the same shape and dtype.
    """
    count, _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))
    top, left = rng.integers(0, 2 * MARGIN + 1, size=(2, count, 1))
    rows = top + np.arange(height)
    columns = left + np.arange(width)
    mirrored = rng.random(count) < 0.5
    columns[mirrored] = columns[mirrored, ::-1]
    # The slice between two index arrays moves the channels to the end.
    crops = padded[np.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return np.ascontiguousarray(crops.transpose(0, 3, 1, 2))


def decode(task: Task, frame: pd.DataFrame) -> Images:
    """Decodes a split; greyscale images become RGB images with equal channels.

    Raises:
        BadInput: a file is not an image, or the images differ in size.
    """
    (column,) = task.inputs
    pixels = [_pixels(data, row, task.id) for row, data in enumerate(frame[column])]
    for row, image in enumerate(pixels):
        if image.shape != pixels[0].shape:
            raise BadInput(
                f"image {row} of {task.id} has {image.shape[1]} x {image.shape[0]} pixels, but the first one "
                f"has {pixels[0].shape[1]} x {pixels[0].shape[0]}. Give images of the same size."
            )
    stacked = np.ascontiguousarray(np.stack(pixels).transpose(0, 3, 1, 2))
    labels = frame["label"].to_numpy(dtype=np.float32 if task.is_regression else np.int64)
    return Images(stacked, labels)


def _pixels(data: bytes, row: int, task_id: str) -> np.ndarray:
    try:
        with Image.open(BytesIO(data)) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise BadInput(
            f"image {row} of {task_id} cannot be decoded ({error}). Download the data again."
        ) from error
