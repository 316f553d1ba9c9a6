"""Which copy of GLUE is read, and how a broken one is reported."""

import pandas as pd
import pytest

from workbench.errors import BadInput
from workbench.tasks import load_task
from workbench.tasks.glue import SCHEMAS

RTE = pd.DataFrame(
    {"sentence1": ["a", "b", "c"], "sentence2": ["d", "e", "f"], "label": [0, 1, 1], "idx": [0, 1, 2]}
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An rte in the Hub's layout, with WORKBENCH_GLUE_DIR set."""
    monkeypatch.setenv("WORKBENCH_GLUE_DIR", str(tmp_path))
    (tmp_path / "rte").mkdir()
    for split in ("train", "validation"):
        RTE.to_parquet(tmp_path / "rte" / f"{split}-00000-of-00001.parquet")
    return tmp_path / "rte"


def test_the_columns_of_the_schema_are_read(folder):
    task = load_task("rte")
    assert task.id == "glue/rte"
    assert list(task.train) == ["sentence1", "sentence2", "label"]
    assert task.train["label"].tolist() == [0, 1, 1]
    assert task.train["label"].dtype == "int64"
    assert set(task.dev) == {"validation"}
    assert task.dropped == {}


def test_shards_are_joined_in_order(folder):
    (folder / "train-00000-of-00001.parquet").unlink()
    RTE[:1].to_parquet(folder / "train-00000-of-00002.parquet")
    RTE[1:].to_parquet(folder / "train-00001-of-00002.parquet")
    assert load_task("rte").train["sentence1"].tolist() == ["a", "b", "c"]

    (folder / "train-00000-of-00002.parquet").unlink()
    with pytest.raises(BadInput, match=r"1 files train-\*.*expected the 2 shards"):
        load_task("rte")


@pytest.mark.parametrize("name", ["RTE", "Rte", "r-t-e"])
def test_the_folder_name_may_have_any_case_and_dashes(folder, name):
    folder.rename(folder.with_name(name))
    assert len(load_task("rte").train) == 3


def test_rows_without_a_label_or_text_are_dropped_and_counted(folder):
    frame = RTE.assign(label=[-1, 0, 1], sentence2=["d", None, "f"])
    frame.to_parquet(folder / "train-00000-of-00001.parquet")
    task = load_task("rte")
    assert task.train["sentence1"].tolist() == ["c"]
    assert task.dropped == {"train": 2}


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (RTE.drop(columns="sentence2"), "lacks the column 'sentence2'; expected sentence1, sentence2, label"),
        (RTE.assign(label=-1), "no row with sentence1 and sentence2 and label, and 3 without"),
        (RTE[:0], "no row with sentence1 and sentence2 and label, and 0 without"),
        (RTE.assign(label=[0, 7, 7]), r"label '7'; 2 of its 3 labels are not 0 \(entailment\) or 1"),
        (RTE.assign(label=[0.0, 0.5, 1.0]), r"label '0\.0'"),
    ],
)
def test_a_broken_file_is_named_together_with_what_was_expected(folder, frame, message):
    frame.to_parquet(folder / "validation-00000-of-00001.parquet")
    with pytest.raises(BadInput, match=rf"validation-00000-of-00001\.parquet.*{message}"):
        load_task("rte")


def test_a_file_that_is_not_parquet_is_named(folder):
    path = folder / "train-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadInput, match=r"cannot read .*train-00000-of-00001\.parquet as Parquet"):
        load_task("rte")


def test_a_missing_split_task_or_root_is_named_with_the_remedy(folder, monkeypatch):
    (folder / "validation-00000-of-00001.parquet").unlink()
    with pytest.raises(BadInput, match=r"no validation-\*.parquet.*next to train-00000-of-00001.parquet"):
        load_task("rte")
    with pytest.raises(BadInput, match=r"no folder 'cola'; it has rte.*train.tsv and dev.tsv.*synth/"):
        load_task("cola")
    (folder.parent / "CoLA").mkdir()
    with pytest.raises(BadInput, match=r"CoLA has no data; expected train-\*.parquet"):
        load_task("cola")
    monkeypatch.setenv("WORKBENCH_GLUE_DIR", str(folder / "nowhere"))
    with pytest.raises(BadInput, match=r"nowhere.*not a folder"):
        load_task("rte")


def test_a_target_must_be_within_its_range(folder):
    stsb = folder.parent / "stsb"
    stsb.mkdir()
    frame = RTE.assign(label=pd.Series([0.0, 2.2, 5.0], dtype="float32"))
    for split in ("train", "validation"):
        frame.to_parquet(stsb / f"{split}-00000-of-00001.parquet")
    assert load_task("stsb").train["label"].tolist() == pytest.approx([0.0, 2.2, 5.0])
    frame.assign(label=[0.0, 2.2, 5.1]).to_parquet(stsb / "train-00000-of-00001.parquet")
    with pytest.raises(BadInput, match=r"label '5.1'; 1 of its 3 labels are not a number from 0 to 5"):
        load_task("stsb")


# Row counts of the copy described in the SOURCES.md next to the data.
SIZES = {
    "cola": (8551, 1043),
    "sst2": (67349, 872),
    "mrpc": (3668, 408),
    "stsb": (5749, 1500),
    "qqp": (34586, 5000),
    "mnli": (43477, 5514, 1000),
    "rte": (2490, 277),
}


@pytest.mark.parametrize("name", SIZES)
def test_the_real_tasks_load_with_the_expected_sizes(glue_dir, monkeypatch, name):
    monkeypatch.setenv("WORKBENCH_GLUE_DIR", str(glue_dir))
    task = load_task(name)
    assert (len(task.train), *map(len, task.dev.values())) == SIZES[name]
    assert tuple(task.dev) == SCHEMAS[name].dev
    assert task.dropped == {}
    if not task.is_regression:
        assert set(task.train["label"]) == set(range(task.num_outputs))
