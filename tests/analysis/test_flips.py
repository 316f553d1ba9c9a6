"""Two runs on the same examples: every example has its outcome, and the test is the exact one."""

from dataclasses import replace
from math import comb

import numpy as np
import pytest

from tests.fabricated import EXAMPLES, fabricate, predict
from workbench import analysis
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput
from workbench.runs.predictions import Predictions, write_predictions
from workbench.tasks import load_task
from workbench.training import Distillation

MAGNITUDE, IMP_ = Magnitude(sparsity=0.9), IMP(sparsity=0.9)


@pytest.fixture
def make(finished_run, tmp_path):
    """Makes a run that says what it is told, or gets so many of 200 dev examples right."""

    def call(engine=MAGNITUDE, right=None, logits=None, labels=None, **more):
        run = fabricate(tmp_path, finished_run, engine, right=right or 0, **more)
        if right is not None:
            return predict(run, right)
        if logits is not None:
            write_predictions(run.folder, {"validation": Predictions(np.array(logits), np.array(labels))})
        return run

    return call


def test_every_example_has_one_outcome(make):
    table = analysis.flips.outcomes(make(right=100), make(IMP_, right=130))
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
    table = analysis.flips.outcomes(one, other)
    assert table["first_error"].tolist() == pytest.approx([0.25, 0.75])
    assert table["second_error"].tolist() == pytest.approx([0.5, 0.0])
    assert table["outcome"].tolist() == ["both right", "only the second is right"]


def test_of_targets_the_nearer_run_does_better(make):
    labels = [1.0, 2.0, 3.0]
    one = make(logits=[[1.5], [2.0], [3.0]], labels=labels, task="synth/stsb")
    other = make(IMP_, logits=[[1.0], [2.5], [3.0]], labels=labels, task="synth/stsb")
    table = analysis.flips.outcomes(one, other)
    assert table["outcome"].tolist() == ["the second is nearer", "the first is nearer", "equally near"]
    assert table["first_error"].tolist() == [0.5, 0.0, 0.0]
    assert analysis.flips.sign_test(table) == analysis.flips.SignTest(first=1, second=1, ties=1, p_value=1.0)


def test_the_sign_test_is_the_exact_binomial_one(make):
    labels, count = [1] * 9, 9
    # The first run is right on one example, the second on the other eight.
    said = [np.eye(2)[[int(place == 0) for place in range(count)]], np.eye(2)[[0] + [1] * 8]]
    table = analysis.flips.outcomes(
        make(logits=said[0], labels=labels), make(IMP_, logits=said[1], labels=labels)
    )
    test = analysis.flips.sign_test(table)
    assert (test.first, test.second, test.ties) == (1, 8, 0)
    assert test.p_value == pytest.approx(2 * (comb(9, 0) + comb(9, 1)) / 2**9)


def test_without_a_flip_nothing_can_be_said_against_chance(make):
    assert (
        analysis.flips.sign_test(analysis.flips.outcomes(make(right=90), make(IMP_, right=90))).p_value == 1.0
    )


def test_what_has_no_pairs_is_refused(make):
    with pytest.raises(BadInput, match="no example in common"):
        analysis.flips.outcomes(make(right=1), make(IMP_, right=1, task="synth/rte"))
    with pytest.raises(BadInput, match="kept no predictions"):
        analysis.flips.outcomes(make(right=1), make(IMP_, seed=1))
    with pytest.raises(BadInput, match="different dev examples"):
        analysis.flips.outcomes(make(right=1), make(IMP_, seed=2, logits=np.eye(2), labels=[0, 1]))


def test_flips_stand_with_their_sentences_the_clearest_first(make):
    task = load_task("synth/sst2")
    rows = task.dev["validation"]
    labels = rows["label"].to_numpy()
    first = np.eye(2)[labels] * np.linspace(1, 5, len(labels))[:, None]
    second = first.copy()
    second[[3, 40, 7]] = second[[3, 40, 7], ::-1]
    table = analysis.flips.outcomes(
        make(logits=first, labels=labels), make(IMP_, logits=second, labels=labels)
    )
    found = analysis.flips.flipped_examples(table, limit=2, task=task)
    assert found["example"].tolist() == [40, 7]
    assert found["sentence"].tolist() == rows["sentence"].iloc[[40, 7]].tolist()
    assert found["label"].tolist() == [task.labels[label] for label in labels[[40, 7]]]
    assert (found["first"] == found["label"]).all()
    assert (found["second"] != found["label"]).all()
    turned = analysis.flips.outcomes(
        make(IMP_, logits=second, labels=labels), make(logits=first, labels=labels)
    )
    back = analysis.flips.flipped_examples(turned, 5, task)
    assert set(back["outcome"]) == {"only the second is right"}
    assert len(back) == 3
    assert "sentence" not in analysis.flips.flipped_examples(table, limit=2)
    with pytest.raises(BadInput, match="the data has changed"):
        analysis.flips.flipped_examples(table, 2, replace(task, dev={"validation": rows.iloc[::-1]}))


def test_images_have_no_sentences(make):
    task = load_task("vision/digits")
    labels = next(iter(task.dev.values()))["label"].to_numpy()
    right, plain = np.eye(10)[labels], Distillation(mode="none")
    runs = [
        make(engine(sparsity=0.9, distillation=plain), logits=logits, labels=labels, task="vision/digits")
        for engine, logits in ((Magnitude, right), (IMP, np.roll(right, 1, axis=1)))
    ]
    found = analysis.flips.flipped_examples(analysis.flips.outcomes(*runs), 1, task)
    assert list(found.columns) == [
        "outcome", "example", "label", "first", "second", "first_error", "second_error"
    ]  # fmt: skip


def test_the_usual_pair_is_of_two_engines_alike_in_all_else(make):
    runs = [
        make(right=1, seed=1),
        make(Magnitude(sparsity=0.8), right=1),
        make(right=1),
        make(IMP_, right=1),
        make(IMP(sparsity=0.9, scope="global")),
        make(IMP_, right=1, task="synth/rte"),
    ]
    assert [run.name for run in analysis.flips.default_pair(runs)] == [runs[2].name, runs[3].name]
    assert analysis.flips.default_pair(runs[3:]) is None
    assert analysis.flips.default_pair([]) is None
