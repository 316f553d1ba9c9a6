"""Tests of what happens on a CUDA device; where there is none, each of them is skipped.

They need neither shared data nor a pretrained model. `docs/results/gpu.sh` runs them on a bare machine.
"""

import os
from pathlib import Path

# Before the first matrix product of the process: cuBLAS reads it once, and not every test is a run.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import pytest
import torch

from tests.tiny import save_tiny_model
from workbench.models import load_encoder
from workbench.tasks import load_task

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips the tests of this folder where they cannot run."""
    if torch.cuda.is_available():
        return
    built = "" if torch.version.cuda else f", and torch {torch.__version__} is not built for one"
    skip = pytest.mark.skip(reason=f"needs a CUDA device: none is here{built}")
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(skip)


@pytest.fixture
def gpu() -> torch.device:
    """The device."""
    return torch.device("cuda", torch.cuda.current_device())


@pytest.fixture(scope="session")
def tiny_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT whose words are those of a generated task, since a pretrained one may be missing here."""
    folder = tmp_path_factory.mktemp("tiny")
    words = load_task("synth/sst2").train["sentence"].str.lower().str.findall(r"[a-z]+").explode()
    ordered = dict.fromkeys(["the", *words.value_counts().index])
    (folder / "words.txt").write_text("\n".join(ordered), encoding="utf-8")
    return save_tiny_model(folder / "bert", words=folder / "words.txt")


@pytest.fixture
def model(tiny_model_dir):
    """A fresh tiny classifier with two classes; equal each time."""
    return load_encoder(str(tiny_model_dir), outputs=2, seed=0)
