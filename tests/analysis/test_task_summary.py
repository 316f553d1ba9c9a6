"""What a task's data looks like: numbers by hand, and the same in words."""

import math

import pandas as pd
import pytest

from tests.tasks.own.data import rows, save_task, write
from workbench.analysis.task_summary import describe
from workbench.cli import main
from workbench.tasks import add_task


def test_the_summary_of_a_task_counts_by_hand(tmp_path, capsys):
    path = save_task(tmp_path, name="reviews", inputs="text", metrics="[accuracy, f1]", max_length=8)
    frame = rows(40)
    frame.loc[3, "text"] = None
    write(frame, tmp_path / "train.csv")
    write(pd.concat([rows(1), rows(9, start=40)]), tmp_path / "dev.csv")
    summary = describe(add_task(path))
    assert summary["rows"] == {"train": 39, "dev": 10}
    assert summary["dropped"] == {"train": 1}
    assert summary["classes"] == [
        {"class": "bad", "train": 16, "train_share": 16 / 39, "dev": 5, "dev_share": 0.5},
        {"class": "good", "train": 23, "train_share": 23 / 39, "dev": 5, "dev_share": 0.5},
    ]
    # [CLS] review 0 , " quoted " and long [SEP]
    assert summary["lengths"] == {"median": 10, "high": 10, "longest": 10, "cut": 1.0, "limit": 8}
    assert summary["repeated"] == 1
    assert summary["constant"] == {"answer": "good", "scores": {"accuracy": 0.5, "f1": pytest.approx(2 / 3)}}
    # (1.96 + 0.84)^2 = 7.849
    assert summary["resolution"] == {"detectable": pytest.approx(0.7849, abs=1e-4), "rows": 7849}

    assert main(["doctor", "--task", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{summary['task']} (train train.csv and dev dev.csv, defined in reviews.yaml)",
        "rows      train 39, dev 10",
        "dropped   1 rows of train (no text in any input)",
        "classes   bad: train 16 (41.0 %), dev 5 (50.0 %)",
        "          good: train 23 (59.0 %), dev 5 (50.0 %)",
        "lengths   median 10 tokens, 95 % of the rows up to 10, longest 10; "
        "100.0 % are longer than max_length, 8",
        "repeated  1 dev rows (10.0 %) are also in train",
        "majority  good, the largest class, scores accuracy 0.5000, f1 0.6667 on dev",
        "dev size  too small to tell differences of 1.0 % apart, which takes 7,849 rows",
        "          10 rows tell 78.5 % apart (if two models disagree on 10.0 % of the rows; "
        "80 % power, 5 % level)",
    ]


def test_a_regression_and_images_are_summarised_too(capsys):
    summary = describe("synth/stsb")
    assert summary["classes"] == []
    assert summary["constant"]["scores"] == {"pearson": 0.0, "spearman": 0.0}
    spread = math.sqrt(2) * (1 - 0.8**2)
    assert summary["resolution"]["detectable"] == pytest.approx(2.8016 * spread / math.sqrt(500), rel=1e-4)
    assert main(["doctor", "--task", "vision/digits"]) == 0
    out = capsys.readouterr().out
    assert "lengths   images" in out
    assert "359 rows tell 4.7 % apart" in out


def test_the_doctor_describes_a_task_that_a_run_refuses(tmp_path, capsys):
    save_task(tmp_path)
    write(rows(10), tmp_path / "dev.csv")
    assert main(["doctor", "--task", str(tmp_path / "reviews.yaml")]) == 0
    assert "repeated  10 dev rows (100.0 %) are also in train" in capsys.readouterr().out
