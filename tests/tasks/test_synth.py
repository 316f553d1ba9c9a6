import hashlib
from collections import Counter

import pandas as pd
import pytest

from workbench.tasks import load_task, task_ids
from workbench.tasks.glue import SCHEMAS

GENERATED = [id for id in task_ids() if id.startswith("synth/")]


@pytest.fixture(scope="module", params=GENERATED)
def task(request):
    return load_task(request.param)


def all_rows(task) -> pd.DataFrame:
    return pd.concat([task.train, *task.dev.values()], ignore_index=True)


def test_the_format_equals_that_of_the_glue_task(task):
    schema = SCHEMAS[task.id.removeprefix("synth/")]
    assert (task.inputs, task.labels, task.metrics) == (schema.inputs, schema.labels, schema.metrics)
    assert tuple(task.dev) == schema.dev
    for frame in (task.train, *task.dev.values()):
        assert list(frame) == [*schema.inputs, "label"]
    assert len(task.train) == 3000
    assert all(len(frame) == 500 for frame in task.dev.values())


def test_no_text_occurs_twice(task):
    assert not all_rows(task).duplicated(subset=list(task.inputs)).any()


def test_the_rows_are_reproducible(task):
    again = load_task(task.id)
    pd.testing.assert_frame_equal(all_rows(task), all_rows(again))


def test_the_labels_are_balanced(task):
    for frame in (task.train, *task.dev.values()):
        if task.is_regression:
            assert frame["label"].between(0, 5).all()
            assert frame["label"].std() > 1.5
        else:
            shares = frame["label"].value_counts(normalize=True)
            assert len(shares) == task.num_outputs
            assert shares.min() > 0.85 / task.num_outputs


@pytest.mark.parametrize("id", [id for id in GENERATED if id != "synth/stsb"])
def test_no_single_word_reveals_the_label(id):
    """The best rule of the form "this word occurs" is little better than the most frequent label."""
    task = load_task(id)
    words = all_rows(task)[list(task.inputs)].agg(" ".join, axis=1).str.split().map(set)
    labels = all_rows(task)["label"]
    seen = Counter((word, label) for text, label in zip(words, labels, strict=True) for word in text)
    majority = labels.value_counts().max()
    best = 0
    for word in {word for word, _ in seen}:
        inside = [seen[word, label] for label in range(task.num_outputs)]
        outside = [(labels == label).sum() - inside[label] for label in range(task.num_outputs)]
        best = max(best, max(inside) + max(outside))
    assert (best - majority) / len(labels) < 0.12


def test_every_word_is_one_token_in_the_vocabulary(task, minilm):
    vocabulary = set((minilm / "vocab.txt").read_text(encoding="utf-8").split("\n"))
    texts = all_rows(task)[list(task.inputs)].to_numpy().ravel()
    assert {word for text in texts for word in text.split()} <= vocabulary


def test_the_mismatched_split_has_other_nouns_and_acts():
    task = load_task("synth/mnli")
    trained = {word for text in task.train["premise"] for word in text.split()}
    other = {word for text in task.dev["validation_mismatched"]["premise"] for word in text.split()}
    assert {"dog", "dogs", "escaped"} <= other - trained
    assert {"all", "some", "not"} <= other & trained


def test_the_rows_do_not_change_between_versions():
    """Scores from different versions are comparable only if the rows are the same."""
    text = "".join(all_rows(load_task(id)).to_csv(index=False) for id in GENERATED)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "5215ca12331f612f"
