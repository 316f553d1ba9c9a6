"""Tasks of one's own: what a task file and options define, and which rows they give."""

import datasets
import numpy as np
import pandas as pd
import pytest
from transformers import ViTImageProcessorPil

from tests.tasks.own.data import rows, save_task, write
from tests.tiny import png
from workbench.errors import BadInput
from workbench.tasks import (
    Preprocessing,
    add_task,
    canonical_id,
    decode,
    download,
    load_task,
    modality,
    own,
    task_ids,
)


def test_a_task_file_is_read_with_paths_relative_to_it(tmp_path, monkeypatch):
    path = save_task(tmp_path, name="mine", metrics="[f1, accuracy]", max_length=64)
    monkeypatch.chdir(tmp_path.parent)
    task = load_task(f"{tmp_path.name}/{path.name}")
    assert task.id.startswith("own/mine-")
    assert (task.inputs, task.labels) == (("title", "text"), ("bad", "good"))
    assert (task.metrics, task.max_length) == (("f1", "accuracy"), 64)
    assert task.train["text"].tolist() == rows(40)["text"].tolist()
    assert task.train["label"].tolist() == [int(i % 5 > 1) for i in range(40)]
    assert {name: len(frame) for name, frame in task.dev.items()} == {"validation": 10}
    assert task.dropped == {}


def test_every_format_gives_the_same_task(tmp_path):
    ids = set()
    for suffix in own.FORMATS:
        (tmp_path / suffix).mkdir()
        ids.add(canonical_id(str(save_task(tmp_path / suffix, suffix))))
    assert len(ids) == 1


@pytest.mark.parametrize("index", ["text", "stars", "number", None])
def test_an_index_that_pandas_saved_is_a_column_like_any_other(tmp_path, index):
    path = save_task(tmp_path, ".parquet")
    frame = rows(40).assign(number=range(7, 47))
    write(frame.set_index(index or frame.pop("number").rename(None)), tmp_path / "train.parquet")
    (tmp_path / "csv").mkdir()
    assert load_task(str(path)).id == load_task(str(save_task(tmp_path / "csv"))).id


def test_the_id_depends_on_the_rows_and_on_what_is_made_of_them_but_not_on_names(tmp_path):
    first = canonical_id(str(save_task(tmp_path)))
    renamed = rows(40).rename(columns={"title": "a", "text": "b", "stars": "c"})
    write(renamed, tmp_path / "train.csv")
    write(rows(10, start=40).rename(columns={"title": "a", "text": "b", "stars": "c"}), tmp_path / "dev.csv")
    other = {"train": str(tmp_path / "train.csv"), "dev": str(tmp_path / "dev.csv"), "name": "reviews"}
    assert add_task(other.pop("train"), inputs=("a", "b"), label="c", **other) == first
    for change in ({"max_length": 64}, {"metrics": "[accuracy]"}):
        assert canonical_id(str(save_task(tmp_path, **change))) != first
    path = save_task(tmp_path)
    write(rows(40)[::-1], tmp_path / "train.csv")
    assert canonical_id(str(path)) != first


def test_a_known_task_is_listed_and_found_by_its_id(tmp_path):
    task_id = canonical_id(str(save_task(tmp_path)))
    assert task_id in task_ids()
    assert modality(task_id) == "text"
    assert load_task(task_id).id == task_id
    own.OWN.clear()
    with pytest.raises(BadInput, match=r"whose file is not known here\. Name the file"):
        load_task(task_id)


def test_several_files_are_joined_in_order(tmp_path):
    path = save_task(tmp_path, train="[first.csv, second.jsonl]")
    write(rows(30), tmp_path / "first.csv")
    write(rows(10, start=30), tmp_path / "second.jsonl")
    assert load_task(str(path)).id == load_task(str(save_task(tmp_path))).id


def test_dev_can_be_a_share_of_train_that_depends_on_nothing_else(tmp_path):
    task = load_task(str(save_task(tmp_path, dev=0.25)))
    parts = [[int(text.split()[1]) for text in frame["title"]] for frame in (task.train, *task.dev.values())]
    assert [len(part) for part in parts] == [30, 10]
    assert sorted(parts[0] + parts[1]) == list(range(40))
    assert parts[1] == sorted(parts[1])
    other = load_task(str(save_task(tmp_path, dev=0.25, name="other")))
    assert other.dev["validation"]["title"].tolist() == task.dev["validation"]["title"].tolist()


@pytest.mark.parametrize(
    ("labels", "values", "expected"),
    [
        ("[good, bad]", ["bad", "good", "good"], [1, 0, 0]),
        ("[low, high]", [0, 1, 0], [0, 1, 0]),
        (None, ["10", "9", "10"], [1, 0, 1]),
        (None, [1.0, -1.0, 1.0], [1, 0, 1]),
        ("[1, 2]", [2, 1, 2], [1, 0, 1]),
        ("[1.0, 0.0]", [1.0, 0.0, 1.0], [0, 1, 0]),
        ("[2.0, 1.0]", [2.0, 1, 2], [0, 1, 0]),
        (None, [True, False, True], [1, 0, 1]),
    ],
)
def test_classes_are_found_or_given(tmp_path, labels, values, expected):
    path = save_task(tmp_path, ".parquet", **({"labels": labels} if labels else {}))
    for name, start, count in (("train", 0, 6), ("dev", 10, 3)):
        write(rows(count, start).assign(stars=values * (count // 3)), tmp_path / f"{name}.parquet")
    assert load_task(str(path)).train["label"].tolist() == expected * 2


def test_classes_that_are_the_same_number_are_refused(tmp_path):
    path = save_task(tmp_path, labels='["1", "1.0"]')
    with pytest.raises(BadInput, match=r"labels is \['1', '1.0'\], in which two are the same number. Give"):
        load_task(str(path))


def test_numbers_are_predicted_for_regression(tmp_path):
    task = load_task(str(save_task(tmp_path, label="grade", regression="true")))
    assert task.is_regression
    assert task.metrics == ("pearson", "spearman")
    assert task.train["label"].dtype == "float32"
    assert task.train["label"].tolist() == [i % 7 / 4 for i in range(40)]


def test_rows_without_a_text_are_dropped_and_counted(tmp_path):
    path = save_task(tmp_path)
    frame = rows(40)
    frame.loc[[2, 3], "title"] = None
    frame.loc[[3], "text"] = " "
    write(frame, tmp_path / "train.csv")
    task = load_task(str(path))
    assert task.dropped == {"train": 1}
    assert task.train["title"].tolist()[2:4] == ["", "title 4"]


@pytest.mark.parametrize("kind", ["files", "bytes"])
def test_images_are_read_from_files_and_from_bytes(tmp_path, kind):
    (tmp_path / "photos").mkdir()
    files = [png(np.full((4 + i % 2, 5, 3), 9 * i, dtype=np.uint8)) for i in range(12)]
    for number, file in enumerate(files):
        (tmp_path / "photos" / f"{number}.png").write_bytes(file)
    photos = [f"photos/{i}.png" for i in range(12)] if kind == "files" else files
    frame = pd.DataFrame({"photo": photos, "kind": ["cat", "dog", "cow"] * 4})
    data = write(frame, tmp_path / ("data.csv" if kind == "files" else "data.parquet"))
    task_id = add_task(data, inputs="photo", label="kind", dev=0.25)
    task = load_task(task_id)
    assert modality(task_id) == task.modality == "images"
    assert task.labels == ("cat", "cow", "dog")
    fitted = decode(task, task.train, Preprocessing.of(ViTImageProcessorPil(size=6)))
    assert fitted.pixels.shape == (9, 3, 6, 6)
    assert set(fitted.pixels.max((1, 2, 3))) <= {9 * i for i in range(12)}


def test_rows_can_come_from_the_hub(tmp_path, monkeypatch):
    requests = []

    def load_dataset(path, name, split):
        requests.append((path, name, split))
        return datasets.Dataset.from_pandas(rows(40) if split == "train" else rows(10, start=40))

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(download, "offline", lambda: True)
    path = save_task(
        tmp_path,
        train="{hub: {path: some/reviews, split: train}}",
        dev="{hub: {path: a/b, name: c, split: d}}",
    )
    assert load_task(str(path)).id == load_task(str(save_task(tmp_path))).id
    assert requests[-2:] == [("some/reviews", None, "train"), ("a/b", "c", "d")]


def test_a_repeated_row_is_counted_and_more_than_a_tenth_must_be_accepted(tmp_path, capsys):
    path = save_task(tmp_path)
    for repeated in (1, 2):
        dev = pd.concat([rows(repeated), rows(10 - repeated, start=40)])
        write(dev.assign(stars="bad"), tmp_path / "dev.csv")
        if repeated == 1:
            assert canonical_id(str(path))
        else:
            with pytest.raises(BadInput, match=r"2 of the 10 dev rows .*\(20.0 %\).*at most 10 % may.*--yes"):
                canonical_id(str(path))
        assert load_task(add_task(path, accept_repeated=True))
    assert "1 of the 10 dev rows of reviews.yaml (10.0 %) are also in train" in capsys.readouterr().err


def test_changed_or_missing_rows_are_refused_by_the_id(tmp_path):
    task_id = canonical_id(str(save_task(tmp_path)))
    write(rows(39), tmp_path / "train.csv")
    with pytest.raises(BadInput, match=rf"rows of task {task_id} have changed .*train\.csv.*Restore them"):
        load_task(task_id)
    (tmp_path / "train.csv").unlink()
    with pytest.raises(BadInput, match=rf"{task_id} cannot be loaded: .*train\.csv does not exist"):
        load_task(task_id)


def test_nothing_in_a_task_file_is_executed(tmp_path):
    path = save_task(tmp_path, label=f"!!python/object/apply:os.mkdir ['{tmp_path / 'made'}']")
    with pytest.raises(BadInput, match="not readable YAML"):
        load_task(str(path))
    assert not (tmp_path / "made").exists()
