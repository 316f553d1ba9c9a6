import datasets
import numpy as np
import pandas as pd
import pytest

from tests.tiny import save_tiny_cifar10
from workbench.errors import BadInput
from workbench.tasks import decode, download, load_task, modality
from workbench.tasks.vision import FOLDER_VARIABLE

SIZES = {"train": 30, "test": 20}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cifar10"))
    return save_tiny_cifar10(tmp_path / "cifar10", SIZES)


def test_digits_are_those_of_scikit_learn_with_a_fixed_dev_split():
    task, again = load_task("vision/digits"), load_task("vision/digits")
    train, dev = task.train, task.dev["validation"]
    assert (len(train), len(dev)) == (1438, 359)
    assert dev.equals(again.dev["validation"])
    images = decode(task, pd.concat([train, dev], ignore_index=True))
    from sklearn.datasets import load_digits

    expected = sorted(
        (image.tobytes(), label) for image, label in zip(*load_digits(return_X_y=True), strict=True)
    )
    grey = images.pixels[:, 0].reshape(len(images), -1)
    assert (images.pixels == images.pixels[:, :1]).all()
    actual = zip(np.round(grey * (16 / 255)), images.labels, strict=True)
    assert sorted((image.tobytes(), label) for image, label in actual) == expected
    assert not task.augmented


def test_every_digit_is_in_both_splits():
    task = load_task("vision/digits")
    for frame in (task.train, task.dev["validation"]):
        assert frame["label"].value_counts(normalize=True).between(0.05, 0.15).all()
        assert frame["label"].nunique() == task.num_outputs == 10


def test_the_real_cifar10_loads_with_the_expected_sizes(cifar10_dir, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(cifar10_dir))
    task = load_task("vision/cifar10")
    assert (len(task.train), len(task.dev["test"])) == (50_000, 10_000)
    assert task.train["label"].value_counts().tolist() == [5000] * 10
    assert task.augmented
    assert decode(task, task.dev["test"].head(3)).pixels.shape == (3, 3, 32, 32)
    train, validation = task.split(seed=0)
    assert (len(train), len(validation)) == (48_000, 2000)


@pytest.mark.parametrize("inner", ["", "plain_text"])
def test_the_folder_may_be_that_of_the_data_set_or_its_configuration(folder, monkeypatch, inner):
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder / inner))
    task = load_task("vision/cifar10")
    assert {"train": len(task.train), "test": len(task.dev["test"])} == SIZES
    assert modality(task.id) == task.modality == "images"


def test_a_folder_without_data_is_rejected(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(BadInput, match=r"has no Parquet file.*vision/digits"):
        load_task("vision/cifar10")


@pytest.mark.parametrize("cell", ["an image", {"path": "a.png", "bytes": None}])
def test_a_row_without_an_image_is_named(folder, cell):
    path = folder / "plain_text" / "test-00000-of-00001.parquet"
    pd.DataFrame({"img": [cell], "label": [3]}).to_parquet(path)
    with pytest.raises(BadInput, match=r"no image in row 0 of column 'img'"):
        load_task("vision/cifar10")


def test_a_label_that_is_not_a_class_is_named(folder):
    path = folder / "plain_text" / "test-00000-of-00001.parquet"
    frame = pd.read_parquet(path)
    frame.loc[4, "label"] = 10
    frame.to_parquet(path)
    with pytest.raises(BadInput, match=r"has the label '10'"):
        load_task("vision/cifar10")


def test_cifar10_is_loaded_from_the_hub(folder, monkeypatch):
    files = {
        split: str(folder / "plain_text" / f"{split}-00000-of-00001.parquet") for split in ("train", "test")
    }
    local = datasets.DatasetDict(
        {split: datasets.Dataset.from_parquet(path) for split, path in files.items()}
    )
    requests = []
    monkeypatch.delenv(FOLDER_VARIABLE)
    monkeypatch.setattr(download, "offline", lambda: True)
    monkeypatch.setattr(datasets, "load_dataset", lambda *request: requests.append(request) or local)
    task = load_task("vision/cifar10")
    assert decode(task, task.train).pixels.shape == (30, 3, 32, 32)
    assert requests == [("uoft-cs/cifar10", "plain_text")]


def test_without_the_hub_three_remedies_are_named():
    with pytest.raises(BadInput, match=rf"Either set {FOLDER_VARIABLE} .*vision/digits.*network"):
        load_task("vision/cifar10")
