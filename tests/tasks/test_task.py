import numpy as np
import pandas as pd
import pytest

from workbench.errors import BadInput
from workbench.tasks import Task, canonical_id, load_task, task_ids
from workbench.tasks.glue import SCHEMAS


def make_task(rows: int, id: str = "glue/cola") -> Task:
    def frame(count, origin):
        return pd.DataFrame({"sentence": [f"{origin} {i}" for i in range(count)], "label": [0] * count})

    splits = {"train": frame(rows, "train"), "validation": frame(7, "dev")}
    return Task.of(id, SCHEMAS["cola"], splits)


@pytest.mark.parametrize(("rows", "expected"), [(2, 1), (14, 1), (100, 10), (19_990, 1999), (50_000, 2000)])
def test_validation_is_a_tenth_within_limits(rows, expected):
    train, validation = make_task(rows).split(0)
    assert len(validation) == expected
    assert len(train) == rows - expected


def test_split_partitions_train_in_order_without_dev_rows():
    task = make_task(200)
    train, validation = task.split(3)
    numbers = [[int(text.split()[1]) for text in part["sentence"]] for part in (train, validation)]
    assert sorted(numbers[0] + numbers[1]) == list(range(200))
    assert all(part == sorted(part) for part in numbers)
    assert not pd.concat([train, validation])["sentence"].isin(task.dev["validation"]["sentence"]).any()
    assert list(train.index) == list(range(180))


def test_split_depends_only_on_the_seed():
    first, again, other = (make_task(200).split(seed)[1]["sentence"].tolist() for seed in (1, 1, 2))
    assert first == again != other
    np.random.seed(5)  # noqa: NPY002 - proves that the global generator has no effect
    assert make_task(200).split(1)[1]["sentence"].tolist() == first


def test_outputs_are_one_per_class_or_a_single_number():
    assert make_task(2).num_outputs == 2
    assert not make_task(2).is_regression
    assert load_task("synth/stsb").num_outputs == 1
    assert load_task("synth/stsb").is_regression
    assert load_task("synth/mnli").num_outputs == 3


def test_there_are_nine_glue_tasks_eight_generated_ones_and_two_with_images():
    assert len(task_ids()) == 19 == len(set(task_ids()))
    assert "glue/wnli" in task_ids()
    assert "synth/wnli" not in task_ids()
    assert {"vision/cifar10", "vision/digits"} < set(task_ids())
    assert canonical_id("mrpc") == canonical_id("glue/mrpc") == "glue/mrpc"
    assert canonical_id("synth/rte") == "synth/rte"


@pytest.mark.parametrize(
    ("wrong", "meant"), [("glue/mrcp", "glue/mrpc"), ("mrcp", "glue/mrpc"), ("synht/rte", "synth/rte")]
)
def test_an_unknown_task_is_rejected_with_the_closest_names(wrong, meant):
    with pytest.raises(BadInput, match=rf"{wrong}.*Did you mean .*{meant}"):
        load_task(wrong)


def test_a_malformed_id_is_rejected():
    for wrong in ("", "glue/", "/", "a/b/c"):
        with pytest.raises(BadInput, match="unknown task"):
            load_task(wrong)
