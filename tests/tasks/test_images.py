import hashlib
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from transformers import ViTImageProcessorPil

from tests.tiny import png
from workbench.errors import BadInput
from workbench.randomness import numpy_generator
from workbench.tasks import Task, decode
from workbench.tasks.images import DEVIATION, MARGIN, MEAN, Preprocessing, augment, rgb
from workbench.tasks.vision import SCHEMAS


def task_of(files: list[bytes]) -> tuple[Task, pd.DataFrame]:
    frame = pd.DataFrame({"img": files, "label": range(len(files))})
    return Task.of("vision/digits", SCHEMAS["digits"], {"train": frame, "validation": frame}), frame


def views(image: np.ndarray) -> dict[tuple[int, int, bool], np.ndarray]:
    """All crops of a padded image and of its mirror image."""
    _, height, width = image.shape
    padded = np.pad(image, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))
    offsets = range(2 * MARGIN + 1)
    crops = {(t, l, False): padded[:, t : t + height, l : l + width] for t in offsets for l in offsets}  # noqa: E741
    return crops | {(t, l, True): crop[:, :, ::-1] for (t, l, _), crop in crops.items()}  # noqa: E741


def test_images_are_decoded_and_normalised_per_channel():
    colour = np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)
    images = decode(*task_of([png(colour), png(np.full((5, 6), 51, np.uint8))]))
    assert images.pixels.shape == (2, 3, 5, 6)
    assert images.pixels.dtype == np.uint8
    assert images.lengths.tolist() == [30, 30]
    batch = images.collate(np.array([1, 0]))
    assert batch["labels"].tolist() == [1, 0]
    grey, colours = batch["pixel_values"].numpy()
    assert grey.dtype == np.float32
    mean, deviation = (np.array(channels)[:, None, None] for channels in (MEAN, DEVIATION))
    np.testing.assert_allclose(grey, np.broadcast_to((0.2 - mean) / deviation, (3, 5, 6)), rtol=1e-5)
    np.testing.assert_allclose(colours * deviation + mean, colour.transpose(2, 0, 1) / 255, atol=1e-6)


@given(seed=st.integers(0, 2**32), height=st.integers(1, 9), width=st.integers(1, 9))
def test_augmented_images_are_crops_or_flipped_crops(seed, height, width):
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(3, 2, height, width)).astype(np.float32)
    augmented = augment(images, rng)
    assert augmented.shape == images.shape
    assert augmented.dtype == np.float32
    for before, after in zip(images, augmented, strict=True):
        assert any(np.array_equal(after, view) for view in views(before).values())


def test_all_crops_and_flips_occur_equally_often():
    image = np.arange(1, 3 * 12 * 12 + 1, dtype=np.float32).reshape(3, 12, 12)
    known = {view.tobytes(): key for key, view in views(image).items()}
    count = 162 * 60
    augmented = augment(np.repeat(image[None], count, axis=0), numpy_generator("crops"))
    seen = pd.Series([known[np.ascontiguousarray(view).tobytes()] for view in augmented]).value_counts()
    assert len(seen) == 2 * (2 * MARGIN + 1) ** 2
    assert ((seen - 60) ** 2 / 60).sum() < 250, "chi-squared with 161 degrees of freedom"


def test_without_a_generator_nothing_is_augmented():
    images = decode(*task_of([png(np.full((8, 8), value, np.uint8)) for value in (10, 20, 30)]))
    every = np.arange(3)
    plain, again, other = (
        images.collate(every, rng)["pixel_values"] for rng in (None, None, numpy_generator(1))
    )
    assert (plain == again).all()
    assert (plain != other).any()


def test_images_of_two_sizes_are_rejected_unless_the_model_has_a_size():
    files = [png(np.zeros((4, 4), np.uint8)), png(np.zeros((4, 5), np.uint8))]
    with pytest.raises(BadInput, match=r"image 1 .* has 5 x 4 pixels, but the first one has 4 x 4.* a ViT"):
        decode(*task_of(files))


@pytest.mark.parametrize("settings", [{}, {"do_normalize": False}, {"crop_size": 6, "do_center_crop": True}])
def test_images_become_what_the_image_processor_of_the_library_makes(settings):
    processor = ViTImageProcessorPil(
        size=7, image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.3, 0.4], **settings
    )
    noise = numpy_generator("noise").integers(0, 255, (9, 5, 3)).astype(np.uint8)
    files = [png(noise), png(noise[:4])]
    images = decode(*task_of(files), Preprocessing.of(processor))
    wanted = processor([rgb(file, "it") for file in files], return_tensors="np")["pixel_values"]
    np.testing.assert_allclose(images.collate(np.arange(2))["pixel_values"], wanted, rtol=0, atol=1e-5)


def test_the_digest_is_that_of_the_pixels_unless_the_normalisation_differs():
    """Folders that were made before models had a normalisation of their own are found again."""
    files = [png(np.full((4, 5, 3), level, np.uint8)) for level in (1, 2)]
    images = decode(*task_of(files))
    pixels = hashlib.sha256(str(images.pixels.shape).encode() + images.pixels.tobytes())
    assert images.digest() == pixels.hexdigest()[:16]
    usual = ViTImageProcessorPil(do_resize=False, image_mean=list(MEAN), image_std=list(DEVIATION))
    assert decode(*task_of(files), Preprocessing.of(usual)).digest() == images.digest()
    other = ViTImageProcessorPil(do_resize=False)
    assert decode(*task_of(files), Preprocessing.of(other)).digest() != images.digest()


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def test_every_kind_of_image_becomes_upright_rgb():
    wide = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6)
    grey, deep = Image.fromarray(wide), Image.fromarray(wide.astype(np.uint16) * 257)
    clear = grey.convert("RGBA")
    clear.putalpha(0)
    for image in (grey, deep, clear, grey.convert("P")):
        assert (np.asarray(rgb(encoded(image), "it")) == wide[:, :, None]).all(), image.mode
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: a quarter turn clockwise shows it upright
    assert (np.asarray(rgb(encoded(grey, exif=turned), "it"))[:, :, 0] == np.rot90(wide, -1)).all()


@pytest.mark.parametrize(
    "damage", [lambda file: file[: len(file) // 2], lambda file: b"no image", lambda _: b""]
)
def test_a_damaged_image_is_named(damage):
    file = png(numpy_generator("noise").integers(0, 255, (32, 32, 3)).astype(np.uint8))
    with pytest.raises(BadInput, match=r"image 1 of vision/digits cannot be decoded"):
        decode(*task_of([file, damage(file)]))
