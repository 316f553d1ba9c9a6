"""What the report of a selection says, from few settings to none."""

import numpy as np
import pytest

from tests.fabricated import fabricate
from tests.figures.test_selection import CURVES, GAINS, SHARES
from workbench.analysis.matched_pools import matched_pools
from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput
from workbench.reports import blocks
from workbench.reports import selection_text as text
from workbench.reports.selection import Selection

SHARES = SHARES.assign(seeds=3, masks=21, orders=24, deviation=0.01, missing="")
GAINS = GAINS.assign(pools=3, detectable=0.015)


@pytest.fixture
def shown(monkeypatch):
    """The HTML of what is displayed."""
    outputs = []
    monkeypatch.setattr(blocks, "display", lambda html: outputs.append(html.data))
    return outputs


def plain(sentences):
    return [sentence.replace("\N{NO-BREAK SPACE}", " ") for sentence in sentences]


def test_few_settings_have_a_sentence_each():
    first, *_ = plain(text.whether_masks_differ(SHARES[:1]))
    assert first == (
        "50 %, distance=0.1: masks differ beyond data order (several data orders). Masks explain 40 % of the "
        "variance of final scores, 95 % interval 10 % to 70 %."
    )
    (second,) = plain(text.when_scores_predict(CURVES[:4]))
    assert second == (
        "50 %, distance=0.1: the early loss predicts final scores from step 10 on; the early metric predicts "
        "final scores from step 10 on."
    )
    third, fourth = plain(text.what_choices_gain(GAINS))
    assert "gains over the control's mean: the race's choice +0.0000 (-0.0100 to +0.0100), a random" in third
    assert "A gain of the race above 0.0150 would have been seen." in third
    assert "over the pool's own mean" in fourth


def test_many_settings_are_summed_up(monkeypatch):
    monkeypatch.setattr(text, "_FEW", 1)
    (sentence,) = plain(text.whether_masks_differ(SHARES))
    assert sentence.startswith(
        "Masks differ beyond data order in 2 of 4 comparisons: 50 %, distance=0.1; 80 %"
    )
    assert sentence.endswith("In the others, intervals reach from 0 to at most 30 % of the variance.")
    loss, _ = plain(text.when_scores_predict(CURVES))
    assert "predicts final scores in 2 of 2 settings: 50 %, distance=0.1 (from step 10 on); 80 %" in loss
    (gains,) = text.what_choices_gain(GAINS)
    assert (
        "The race's choice gains +0.0000 to +0.0000; the interval is above zero in 0 of 2 settings" in gains
    )
    assert "Gains above 0.0150 to 0.0150 would have been seen." in gains
    random = gains.partition("A random mask")[2].partition("The oracle")[0]
    assert "in 0 of 1 settings" in random, "that of a setting without a control is 0 by definition"


def test_what_cannot_be_said_is_given_a_reason():
    unknown = SHARES[:1].assign(missing="there is one order.", design="none", share=np.nan, low=np.nan)
    assert plain(text.whether_masks_differ(unknown)) == [
        "No answer for 50 %, distance=0.1, because there is one order."
    ]
    never = CURVES[:4].assign(low=-0.1)
    (sentence,) = text.when_scores_predict(never)
    assert "the early loss is not seen to predict final scores by step 20 (rank correlation 0.50" in sentence
    assert set(text.prediction_text(text.matched_pools.predicts_from(never))["loss predicts from step"]) == {
        "never"
    }


def test_a_study_is_described_with_its_cautions(study, finished_run):
    selection = Selection.of(study)
    words = " ".join(plain(text.what_was_trained(selection.title, selection.pools)))
    assert "12 runs of 4 settings on synth/sst2, seeds 0, 1, 2." in words
    table = text.pool_table(selection.pools)
    assert table["control (seeds x copies)"].tolist() == ["3 x 8"] * 4
    assert text.cautions(selection.pools) == []
    (one,) = Selection.of([finished_run]).pools
    cautions = " ".join(text.cautions([one]))
    assert "One seed: " in cautions
    assert "the levels of a run are not independent" in cautions
    assert "differ by their ratio" in cautions
    with pytest.raises(BadInput, match="unknown task with fully trained pools"):
        Selection.of(study, "glue/rte")


def test_without_full_scores_a_sentence_says_how_to_get_them(finished_run, shown, tmp_path):
    runs = [fabricate(tmp_path, finished_run, Magnitude(sparsity=0.9))]
    assert Selection.of(runs) is None
    assert "None of these runs trained all candidates" in shown[0]
    assert "--set full_scores=true" in shown[1]
    assert Selection.of([]) is None
    assert len(shown) == 2, "open_runs has said that there are no runs"
    assert matched_pools(runs) == []
