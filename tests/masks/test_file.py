"""The mask file: stable bytes, and files that must be rejected."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from workbench.errors import BadInput, Stopped
from workbench.masks import Mask

KEY = "workbench.mask"


@pytest.fixture
def mask() -> Mask:
    return Mask.from_tensors({"b": torch.tensor([[1, 0, 0], [0, 0, 1]]) > 0, "a": torch.ones(9) > 0})


@pytest.fixture
def path(mask, tmp_path):
    return mask.save(tmp_path / "masks" / "level-1.safetensors")


def rewrite(path, edit) -> None:
    """Saves the file again after `edit(description, tensors)`, as if someone had edited it."""
    with safe_open(path, framework="numpy") as file:
        description = json.loads(file.metadata()[KEY])
    tensors = load_file(path)
    metadata = edit(description, tensors)
    save_file(tensors, path, metadata={KEY: json.dumps(description)} if metadata is None else metadata)


def test_a_round_trip_keeps_the_order_and_leaves_no_other_file(mask, path):
    loaded = Mask.load(path)
    assert loaded == mask
    assert loaded.names == ("b", "a")
    assert [file.name for file in path.parent.iterdir()] == ["level-1.safetensors"]


NAMES = st.text(min_size=1).filter(lambda name: name != "__metadata__")


@given(names=st.lists(NAMES, min_size=1, max_size=4, unique=True))
def test_any_name_round_trips(names, tmp_path_factory):
    mask = Mask.from_tensors({name: torch.arange(10) > i for i, name in enumerate(names)})
    loaded = Mask.load(mask.save(tmp_path_factory.mktemp("names") / "mask.safetensors"))
    assert loaded == mask
    assert loaded.names == tuple(names)


def test_the_bytes_are_pinned(path):
    assert (
        hashlib.sha256(path.read_bytes()).hexdigest()
        == "71f9a015045a6b73c1d6089d32d58b08068f8f5cd89065afe33a7dde9125ca79"
    )
    assert {name: bits.tolist() for name, bits in load_file(path).items()} == {"a": [255, 128], "b": [132]}


def test_another_process_gets_the_same_bytes_and_hash(mask, path, tmp_path):
    code = "import sys; from workbench.masks import Mask; m = Mask.load(sys.argv[1]); m.save(sys.argv[2])"
    copy = tmp_path / "copy.safetensors"
    command = [sys.executable, "-c", f"{code}; print(hash(m))", path, copy]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert copy.read_bytes() == path.read_bytes()
    assert int(printed) == hash(mask)


def test_the_code_on_the_format_page_reads_the_file(mask, path, root, monkeypatch):
    page = (root / "docs" / "mask-format.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(path.parent)
    names: dict = {}
    exec(code.replace("mask.safetensors", path.name), names)
    assert {name: array.tolist() for name, array in names["mask"].items()} == {
        name: mask[name].tolist() for name in mask
    }


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"there is no mask file .*absent\.safetensors"):
        Mask.load(tmp_path / "absent.safetensors")


@pytest.mark.parametrize("length", [0, 4, 100, -1])
def test_a_truncated_file_is_rejected(path, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(BadInput, match="not a usable mask file") as refusal:
        Mask.load(path)
    assert str(path) in str(refusal.value)
    assert "save the mask again" in str(refusal.value)


def test_every_flipped_byte_of_data_is_detected(path):
    whole = path.read_bytes()
    for place in range(len(whole) - 3, len(whole)):
        edited = bytearray(whole)
        edited[place] ^= 0x40
        path.write_bytes(edited)
        with pytest.raises(BadInput, match="not a usable mask file"):
            Mask.load(path)


def set_in(*keys, value):
    def edit(description, tensors):
        place = description
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return edit


def put(name, array):
    return lambda description, tensors: tensors.update({name: array})


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (set_in("version", value="2"), "format version is '2'"),
        (set_in("version", value=1), "format version is 1"),
        (set_in("digest", value="0" * 64), "digest"),
        (set_in("matrices", value=[]), "list of matrices"),
        (set_in("matrices", "a", "kept", value=8), "'a' keeps 9 weights, but its header says 8"),
        (set_in("matrices", "a", "shape", value=[3, 3]), "digest"),
        (set_in("matrices", "a", "shape", value=[99]), "needs 13 bytes"),
        (set_in("matrices", "a", "shape", value=[-3, -3]), "'a' the shape"),
        (set_in("matrices", "a", "shape", value="9"), "'a' the shape"),
        (set_in("matrices", "a", value=None), "'a' the shape"),
        (
            set_in("matrices", "c", value={"shape": [1], "kept": 0}),
            "its header and its data do not both have 'c'",
        ),
        (put("c", np.zeros(1, "u1")), "its header and its data do not both have 'c'"),
        (put("a", np.zeros(2, "i4")), "stored as I32, not U8"),
        (put("a", np.array([255, 129], "u1")), "bits after the last of 9"),
        (put("a", np.array([254, 128], "u1")), "'a' keeps 8 weights"),
        (put("a", np.array([[255, 128]], "u1")), "needs 2 bytes"),
        (lambda description, tensors: {}, "no entry 'workbench.mask'"),
        (lambda description, tensors: {KEY: "{"}, "not a usable mask file"),
        (lambda description, tensors: {KEY: "[]"}, "format version is"),
    ],
)
def test_an_edited_file_is_rejected(path, edit, reason):
    rewrite(path, edit)
    with pytest.raises(BadInput, match=reason):
        Mask.load(path)


def test_a_full_disk_stops_and_keeps_the_old_file(mask, path, monkeypatch):
    def full(tensors, target, metadata):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    before = path.read_bytes()
    monkeypatch.setattr("workbench.masks.file.save_file", full)
    with pytest.raises(Stopped, match="no space left"):
        (~mask).save(path)
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 1
