"""Two runs on the same examples: every example has one outcome, and the sign test is exact."""

from dataclasses import replace
from math import comb

import numpy as np
import pytest

from tests.fabricated import EXAMPLES, fabricate, predict
from workbench.analysis.flips import SignTest, default_pair, flipped_examples, outcomes, sign_test
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput
from workbench.runs.predictions import Predictions, write_predictions
from workbench.tasks import load_task
from workbench.training import Distillation

MAGNITUDE, IMP_ = Magnitude(sparsity=0.9), IMP(sparsity=0.9)


@pytest.fixture
def make(finished_run, tmp_path):
    """Makes a run with the given predictions, or with `right` of 200 dev examples right."""

    def call(engine=MAGNITUDE, right=None, logits=None, labels=None, **more):
        run = fabricate(tmp_path, finished_run, engine, right=right or 0, **more)
        if right is not None:
            return predict(run, right)
        if logits is not None:
            write_predictions(run.folder, {"validation": Predictions(np.array(logits), np.array(labels))})
        return run

    return call


def test_every_example_has_one_outcome(make):
    table = outcomes(make(right=100), make(IMP_, right=130))
    assert table["outcome"].value_counts().to_dict() == {
        "both right": 100,
        "only the second is right": 30,
        "both wrong": 70,
    }
    assert table["example"].tolist() == list(range(EXAMPLES))
    flipped = table[table["outcome"] == "only the second is right"]
    assert (flipped["second"] == flipped["label"]).all()
    assert (flipped["first"] != flipped["label"]).all()


def test_an_error_is_the_probability_of_the_other_classes(make):
    labels = [0, 1]
    one = make(logits=[[np.log(3.0), 0.0], [np.log(3.0), 0.0]], labels=labels)
    other = make(IMP_, logits=[[0.0, 0.0], [0.0, 1000.0]], labels=labels)
    table = outcomes(one, other)
    assert table["first_error"].tolist() == pytest.approx([0.25, 0.75])
    assert table["second_error"].tolist() == pytest.approx([0.5, 0.0])
    assert table["outcome"].tolist() == ["both right", "only the second is right"]


def test_for_targets_the_nearer_run_does_better(make):
    labels = [1.0, 2.0, 3.0]
    one = make(logits=[[1.5], [2.0], [3.0]], labels=labels, task="synth/stsb")
    other = make(IMP_, logits=[[1.0], [2.5], [3.0]], labels=labels, task="synth/stsb")
    table = outcomes(one, other)
    assert table["outcome"].tolist() == ["the second is nearer", "the first is nearer", "equally near"]
    assert table["first_error"].tolist() == [0.5, 0.0, 0.0]
    assert sign_test(table) == SignTest(first=1, second=1, ties=1, p_value=1.0)


def test_the_sign_test_is_the_exact_binomial_one(make):
    labels, count = [1] * 9, 9
    # The first run is right on one example, the second on the other eight.
    logits = [np.eye(2)[[int(place == 0) for place in range(count)]], np.eye(2)[[0] + [1] * 8]]
    table = outcomes(make(logits=logits[0], labels=labels), make(IMP_, logits=logits[1], labels=labels))
    test = sign_test(table)
    assert (test.first, test.second, test.ties) == (1, 8, 0)
    assert test.p_value == pytest.approx(2 * (comb(9, 0) + comb(9, 1)) / 2**9)


def test_without_flips_chance_explains_everything(make):
    assert sign_test(outcomes(make(right=90), make(IMP_, right=90))).p_value == 1.0


def test_runs_that_cannot_be_paired_are_refused(make):
    with pytest.raises(BadInput, match="no examples in common"):
        outcomes(make(right=1), make(IMP_, right=1, task="synth/rte"))
    with pytest.raises(BadInput, match="kept no predictions"):
        outcomes(make(right=1), make(IMP_, seed=1))
    with pytest.raises(BadInput, match="different dev examples"):
        outcomes(make(right=1), make(IMP_, seed=2, logits=np.eye(2), labels=[0, 1]))


def test_flipped_examples_have_their_sentences_with_the_clearest_first(make):
    task = load_task("synth/sst2")
    rows = task.dev["validation"]
    labels = rows["label"].to_numpy()
    first = np.eye(2)[labels] * np.linspace(1, 5, len(labels))[:, None]
    second = first.copy()
    second[[3, 40, 7]] = second[[3, 40, 7], ::-1]
    table = outcomes(make(logits=first, labels=labels), make(IMP_, logits=second, labels=labels))
    flipped = flipped_examples(table, limit=2, task=task)
    assert flipped["example"].tolist() == [40, 7]
    assert flipped["sentence"].tolist() == rows["sentence"].iloc[[40, 7]].tolist()
    assert flipped["label"].tolist() == [task.labels[label] for label in labels[[40, 7]]]
    assert (flipped["first"] == flipped["label"]).all()
    assert (flipped["second"] != flipped["label"]).all()
    swapped = outcomes(make(IMP_, logits=second, labels=labels), make(logits=first, labels=labels))
    reverse = flipped_examples(swapped, 5, task)
    assert set(reverse["outcome"]) == {"only the second is right"}
    assert len(reverse) == 3
    assert "sentence" not in flipped_examples(table, limit=2)
    with pytest.raises(BadInput, match="the data has changed"):
        flipped_examples(table, 2, replace(task, dev={"validation": rows.iloc[::-1]}))


def test_texts_in_columns_called_like_those_of_the_table_have_another_name(make):
    task = load_task("synth/sst2")
    rows = task.dev["validation"].rename(columns={"sentence": "first"})
    labels = rows["label"].to_numpy()
    runs = [
        make(logits=np.eye(2)[labels], labels=labels),
        make(IMP_, logits=np.eye(2)[1 - labels], labels=labels),
    ]
    flipped = flipped_examples(outcomes(*runs), 1, replace(task, inputs=("first",), dev={"validation": rows}))
    assert flipped["text first"].tolist() == rows["first"].iloc[flipped["example"]].tolist()
    assert set(flipped["first"]) <= set(task.labels)


def test_images_have_no_sentences(make):
    task = load_task("vision/digits")
    labels = next(iter(task.dev.values()))["label"].to_numpy()
    right, plain = np.eye(10)[labels], Distillation(mode="none")
    runs = [
        make(engine(sparsity=0.9, distillation=plain), logits=logits, labels=labels, task="vision/digits")
        for engine, logits in ((Magnitude, right), (IMP, np.roll(right, 1, axis=1)))
    ]
    flipped = flipped_examples(outcomes(*runs), 1, task)
    assert list(flipped.columns) == [
        "outcome", "example", "label", "first", "second", "first_error", "second_error"
    ]  # fmt: skip


def test_the_default_pair_is_of_two_engines_that_agree_in_everything_else(make):
    runs = [
        make(right=1, seed=1),
        make(Magnitude(sparsity=0.8), right=1),
        make(right=1),
        make(IMP_, right=1),
        make(IMP(sparsity=0.9, scope="global")),
        make(IMP_, right=1, task="synth/rte"),
    ]
    assert [run.name for run in default_pair(runs)] == [runs[2].name, runs[3].name]
    assert default_pair(runs[3:]) is None
    assert default_pair([]) is None
