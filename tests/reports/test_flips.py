import pandas as pd

from tests.fabricated import fabricate, predict
from workbench import analysis
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.reports import pair


def test_agreements_flips_and_the_test_are_told(finished_run, tmp_path):
    one = predict(fabricate(tmp_path, finished_run, Magnitude(sparsity=0.9), right=100), 100)
    other = predict(fabricate(tmp_path, finished_run, IMP(sparsity=0.8), seed=3, right=130), 130)
    table = analysis.flips.outcomes(one, other)
    who, counts, test = pair.agreement(table, analysis.flips.sign_test(table), one, other)
    assert who == (
        f"First: synth/sst2, magnitude, 90 %, seed 0 (…{one.name[-4:]}). "
        f"Second: synth/sst2, imp, 80 %, seed 3 (…{other.name[-4:]})."
    )
    assert counts == (
        "Of 200 dev examples the two say the same of 170 (85.0 %). Flips: 0 that only the first gets right, "
        "30 that only the second gets right."
    )
    assert "p = below 0.0001" not in test
    assert "p below 0.0001" in test
    assert pair.outcome_table(table).to_numpy().tolist() == [
        ["both right", 100, "50.0 %"],
        ["both wrong", 70, "35.0 %"],
        ["only the second is right", 30, "15.0 %"],
    ]


def test_of_targets_it_is_told_which_is_nearer_and_that_a_large_picture_is_a_part(finished_run):
    row = {"label": 1.0, "first": 1.0, "second": 2.0, "first_error": 0.0, "second_error": 1.0}
    table = pd.DataFrame([row] * 5000).assign(outcome="the first is nearer")
    told = pair.agreement(table, analysis.flips.sign_test(table), finished_run, finished_run)
    assert told[1] == "Of 5,000 dev examples the first is nearer on 5,000, the second on 0."
    assert told[3] == "The picture shows one example in 3, evenly spaced."


def test_without_its_data_a_task_has_no_sentences_and_a_word_says_so(finished_run, tmp_path, monkeypatch):
    assert pair.examples_of(finished_run)[1] == []
    monkeypatch.setenv("WORKBENCH_GLUE_DIR", str(tmp_path / "nowhere"))
    run = fabricate(tmp_path, finished_run, Magnitude(sparsity=0.9), task="glue/rte")
    task, (told,) = pair.examples_of(run)
    assert task is None
    assert told.startswith("The sentences are not here")
