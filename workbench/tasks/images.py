"""Decodes image files to pixel arrays, once per split, and collates batches with optional augmentation."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageOps

from workbench.errors import BadInput
from workbench.tasks.task import Task

if TYPE_CHECKING:
    from transformers import BaseImageProcessor

# ImageNet statistics, which the published ResNets, including those for CIFAR, use to normalise their inputs.
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
MARGIN = 4
# What decoders raise, depending on the format, for a file that is not a whole image.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
# A 16-bit level, divided by this, is an 8-bit one.
_LEVELS = 257


@dataclass(frozen=True)
class Preprocessing:
    """What a model makes of an image.

    Attributes:
        mean, deviation: of the three channels, subtracted from and divided into what is left after `divisor`.
        divisor: divides the levels 0 to 255.
        fit: resizes and crops an image in RGB to (3, h, w) uint8; None to leave its size.
    """

    mean: tuple[float, ...] = MEAN
    deviation: tuple[float, ...] = DEVIATION
    divisor: float = 255.0
    fit: Callable[[Image.Image], np.ndarray] | None = None

    @property
    def normalisation(self) -> tuple:
        """What is done to pixels of the right size."""
        return self.mean, self.deviation, self.divisor

    @classmethod
    def of(cls, processor: "BaseImageProcessor") -> "Preprocessing":
        """What an image processor of the transformers library does."""

        def fit(image: Image.Image) -> np.ndarray:
            return processor(image, do_rescale=False, do_normalize=False, return_tensors="np").pixel_values[0]

        mean, deviation = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
        if processor.do_normalize:
            mean, deviation = tuple(processor.image_mean), tuple(processor.image_std)
        return cls(
            mean,
            deviation,
            divisor=1 / processor.rescale_factor if processor.do_rescale else 1.0,
            fit=fit if processor.do_resize or processor.do_center_crop else None,
        )


@dataclass(frozen=True, eq=False)
class Images:
    """A split of images of the same size; example i is row i of its frame.

    Attributes:
        pixels: (n, 3, h, w) uint8, RGB.
        labels: (n,) int64 classes, or float32 targets for regression.
        preprocessing: how pixels are normalised.
    """

    pixels: np.ndarray
    labels: np.ndarray
    preprocessing: Preprocessing

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def lengths(self) -> np.ndarray:
        """(n,) int64, pixels in each example; all equal."""
        return np.full(len(self), self.pixels.shape[2] * self.pixels.shape[3], dtype=np.int64)

    def digest(self) -> str:
        """Sixteen hex digits of a digest of the model's inputs, without the labels."""
        digest = hashlib.sha256(str(self.pixels.shape).encode())
        if (facts := self.preprocessing.normalisation) != Preprocessing().normalisation:
            digest.update(str(facts).encode())
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
        made = self.preprocessing
        mean, deviation = (
            np.array(channels, dtype=np.float32)[:, None, None] for channels in (made.mean, made.deviation)
        )
        values = (self.pixels[indices] / np.float32(made.divisor) - mean) / deviation
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


def decode(task: Task, frame: pd.DataFrame, preprocessing: Preprocessing | None = None) -> Images:
    """Decodes a split.

    Args:
        task: the task.
        frame: the split's rows.
        preprocessing: that of the model; by default images keep their size and get ImageNet's statistics.

    Raises:
        BadInput: a file is not an image, or the images differ in size and the model has none of its own.
    """
    made = preprocessing or Preprocessing()
    (column,) = task.inputs
    pixels = None
    for row, data in enumerate(frame[column]):
        image = _fitted(rgb(data, f"image {row} of {task.id}"), made)
        if pixels is None:
            pixels = np.empty((len(frame), *image.shape), dtype=np.uint8)
        elif image.shape != pixels.shape[1:]:
            raise BadInput(
                f"image {row} of {task.id} has {image.shape[2]} x {image.shape[1]} pixels, but the first one "
                f"has {pixels.shape[3]} x {pixels.shape[2]}. Give images of the same size, or a model with a "
                "size of its own, such as a ViT, which they are resized to."
            )
        pixels[row] = image
    labels = frame["label"].to_numpy(dtype=np.float32 if task.is_regression else np.int64)
    return Images(pixels, labels, made)


def rgb(data: bytes, name: str) -> Image.Image:
    """Decodes an image file: upright, as its EXIF data says, and in RGB.

    Greyscale images get equal channels, transparency is dropped, and 16-bit levels become 8-bit ones.

    Args:
        data: the file.
        name: of the image, for messages.

    Raises:
        BadInput: it is not a whole image.
    """
    try:
        with Image.open(BytesIO(data)) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I"):
                levels = np.clip(np.asarray(upright) // _LEVELS, 0, 255)
                upright = Image.fromarray(levels.astype(np.uint8))
            return upright.convert("RGB")
    except _BROKEN as error:
        raise BadInput(f"{name} cannot be decoded ({error}). Replace the file, or remove the row.") from error


def _fitted(image: Image.Image, preprocessing: Preprocessing) -> np.ndarray:
    """The pixels (3, h, w) that a model sees."""
    if preprocessing.fit is not None:
        return preprocessing.fit(image)
    return np.asarray(image).transpose(2, 0, 1)
