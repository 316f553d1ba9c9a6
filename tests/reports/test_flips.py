import pandas as pd

from tests.fabricated import fabricate, predict
from workbench.analysis.flips import outcomes, sign_test
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.reports import flips


def test_agreement_flips_and_the_test_are_sentences(finished_run, tmp_path):
    one = predict(fabricate(tmp_path, finished_run, Magnitude(sparsity=0.9), right=100), 100)
    other = predict(fabricate(tmp_path, finished_run, IMP(sparsity=0.8), seed=3, right=130), 130)
    table = outcomes(one, other)
    who, counts, test = flips.agreement(table, sign_test(table), one, other)
    assert who == (
        f"First: synth/sst2, magnitude, 90 %, seed 0 (…{one.name[-4:]}). "
        f"Second: synth/sst2, imp, 80 %, seed 3 (…{other.name[-4:]})."
    )
    assert counts == (
        "Of 200 dev examples, the two agree on 170 (85.0 %). Flips: 0 that only the first gets right, "
        "30 that only the second gets right."
    )
    assert "p = <" not in test
    assert "p < 0.0001" in test
    assert flips.outcome_table(table).to_numpy().tolist() == [
        ["both right", 100, "50.0 %"],
        ["both wrong", 70, "35.0 %"],
        ["only the second is right", 30, "15.0 %"],
    ]


def test_for_targets_a_sentence_says_which_is_nearer_and_another_that_the_figure_is_thinned_out(finished_run):
    row = {"label": 1.0, "first": 1.0, "second": 2.0, "first_error": 0.0, "second_error": 1.0}
    table = pd.DataFrame([row] * 5000).assign(outcome="the first is nearer")
    sentences = flips.agreement(table, sign_test(table), finished_run, finished_run)
    assert sentences[1] == "Of 5,000 dev examples, the first is nearer on 5,000 and the second on 0."
    assert sentences[3] == "The figure shows one in 3 examples, evenly spaced in the split."


def test_without_its_data_a_task_has_no_sentences_and_a_note_says_so(finished_run, tmp_path, monkeypatch):
    assert flips.task_with_examples(finished_run)[1] == []
    monkeypatch.setenv("WORKBENCH_GLUE_DIR", str(tmp_path / "nowhere"))
    run = fabricate(tmp_path, finished_run, Magnitude(sparsity=0.9), task="glue/rte")
    task, (note,) = flips.task_with_examples(run)
    assert task is None
    assert note.startswith("The table has no sentences")
