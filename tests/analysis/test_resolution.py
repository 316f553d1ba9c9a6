"""What a comparison would have seen, and whether a setting tells masks apart."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.fabricated import EXAMPLES, fabricate, predict
from workbench.analysis.checks import checks_among
from workbench.analysis.ground import ground_table
from workbench.analysis.paired import Scores, scores_of
from workbench.analysis.resolution import CHECKS, Difference, check_table
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.engines.random import Random
from workbench.errors import BadInput
from workbench.files import write_json
from workbench.randomness import numpy_generator
from workbench.reports.comparison import check_table as check_text
from workbench.reports.comparison import verdicts
from workbench.runs.predictions import Predictions, write_predictions

REPEATS = 200
LEAST, MOST = stats.binom.ppf((0.0005, 0.9995), REPEATS, 0.95)
LEAST_POWER, MOST_POWER = stats.binom.ppf((0.0005, 0.9995), REPEATS, 0.8)


def of_seeds(*values):
    return Scores(np.array(values))


def experiment(generator, effect, seeds=4, examples=200, resamples=200):
    """Differences with an effect of seeds, of examples, and of both, and their bootstrap over examples."""
    drawn = generator.normal(size=(seeds, 1)) * 0.03 + generator.normal(size=(1, examples)) * 0.4
    drawn = effect + drawn + generator.normal(size=(seeds, examples)) * 0.2
    rows = generator.integers(examples, size=(resamples, examples))
    return Difference.between(
        Scores(drawn.mean(axis=1), drawn[:, rows].mean(axis=2)), Scores(np.zeros(seeds), 0.0)
    )


def test_a_worked_example():
    # Differences 0.01 and 0.03: s^2 = 0.0002, the standard error is 0.01 with one degree of freedom.
    found = Difference.between(of_seeds(0.81, 0.83), of_seeds(0.80, 0.80))
    assert found.difference == pytest.approx(0.02)
    assert (found.error, found.freedom, found.seeds) == (pytest.approx(0.01), pytest.approx(1), 2)
    assert found.high - found.low == pytest.approx(2 * 0.01 * stats.t.ppf(0.975, 1))
    assert found.detectable == pytest.approx(0.01 * (stats.t.ppf(0.975, 1) + stats.t.ppf(0.8, 1)))


def test_one_seed_sees_by_its_examples_alone_with_normal_quantiles():
    draws = numpy_generator("draws").normal(0.02, 0.005, size=(1, 2000))
    found = Difference.between(Scores(np.array([0.02]), draws), Scores(np.zeros(1), np.zeros((1, 2000))))
    assert found.detectable == pytest.approx(2.8016 * draws.std(ddof=1), rel=1e-3)
    nothing = Difference.between(of_seeds(0.5), of_seeds(0.4))
    assert np.isnan(nothing.detectable)
    assert nothing.difference == pytest.approx(0.1)


def test_runs_that_do_not_vary_say_nothing_about_what_would_be_seen():
    equal = Scores(np.array([0.5, 0.5]), np.full((2, 2000), 0.5))
    assert np.isnan(Difference.between(equal, equal).detectable)
    # These differences are equal but for rounding.
    found = Difference.between(of_seeds(0.9, 0.8, 0.7), of_seeds(0.8, 0.7, 0.6))
    assert np.isnan(found.detectable)
    assert found.low == found.difference == found.high == pytest.approx(0.1)


def test_intervals_over_seeds_and_examples_cover_the_difference():
    found = [experiment(numpy_generator("covered", index), 0.1) for index in range(REPEATS)]
    assert sum(one.low <= 0.1 <= one.high for one in found) >= LEAST


def test_a_difference_as_small_as_the_detectable_one_is_detected_four_times_in_five():
    def differ(index, effect):
        drawn = numpy_generator("power", index).normal(effect, 1.0, size=6)
        return Difference.between(Scores(drawn), Scores(np.zeros(6)))

    typical = np.mean([differ(index, 0).detectable ** 2 for index in range(REPEATS)]) ** 0.5
    detected = sum(differ(REPEATS + index, typical).low > 0 for index in range(REPEATS))
    assert LEAST_POWER <= detected <= MOST_POWER


@pytest.fixture
def made(finished_run, tmp_path):
    """Makes a run that got so many of 200 examples right."""

    def make(engine, right, seed=0):
        run = fabricate(tmp_path, finished_run, engine, seed=seed, right=right, examples=right)
        return predict(run, right)

    return make


def setting(made, trained_on, magnitude, random):
    engines = [
        (Magnitude(sparsity=0.0), trained_on),
        (Magnitude(sparsity=0.8), magnitude),
        (Random(sparsity=0.8), random),
    ]
    return [made(engine, right, seed) for seed in (0, 1) for engine, right in engines]


def checked(runs):
    table = check_table(runs)
    assert list(table["check"]) == list(CHECKS)
    return table["passed"].tolist()


def test_a_setting_in_which_masks_count_passes_every_check(made, finished_run):
    dense = round(finished_run.results["dense"]["dev"]["validation"]["accuracy"] * EXAMPLES)
    assert checked(setting(made, dense, 180, 140)) == [True, True, True]


def test_each_check_can_fail(made, finished_run):
    assert checked(setting(made, 60, 105, 105)) == [False, False, False]


def test_a_check_without_its_runs_says_what_is_missing(made):
    runs = setting(made, 150, 150, 120)
    with pytest.raises(BadInput, match=r"needs magnitude at 0\.8 and at 0, and random at 0\.8"):
        check_table([run for run in runs if run.spec.engine.id == "magnitude"])
    with pytest.raises(BadInput, match=r"two runs of magnitude on .* have seed 0"):
        check_table([*runs, runs[0]])


@pytest.fixture
def alike(finished_run, tmp_path):
    """The same, for engines that all differ; the runs agree in everything else."""

    def make(engine, right, seed=0):
        return predict(fabricate(tmp_path, finished_run, engine, seed=seed, right=right), right)

    return make


def test_checks_are_found_among_other_runs(alike, finished_run):
    dense = round(finished_run.results["dense"]["dev"]["validation"]["accuracy"] * EXAMPLES)
    runs = setting(alike, dense, 180, 140)
    others = [
        alike(IMP(sparsity=0.8), 150),
        alike(Random(sparsity=0.8, start="dense"), 130),
        alike(Random(sparsity=0.8, start="dense", densities="uniform"), 120),
        alike(Magnitude(sparsity=0.8, criterion="random"), 20),
        alike(Magnitude(sparsity=0.8, lr=0.1), 20),
    ]
    found = checks_among([*runs, *others])
    uniform = check_table([*runs[:2], others[2]])
    pd.testing.assert_frame_equal(found.drop(columns="setting"), uniform)
    assert set(found["setting"]) == {""}
    assert checks_among(others).empty


def test_checks_use_masks_without_a_pattern_where_there_are_some(alike, finished_run):
    dense = round(finished_run.results["dense"]["dev"]["validation"]["accuracy"] * EXAMPLES)
    engines = (
        (Magnitude(sparsity=0.0), dense),
        (Magnitude(sparsity=0.5), 180),
        (Random(sparsity=0.5, start="dense", densities="uniform"), 140),
    )
    runs = [alike(engine, right) for engine, right in engines]
    # Of the same seed, and of another one that the other engines have as well.
    patterned = [
        alike(replace(engine, pattern="2:4"), 20, seed) for engine, _ in engines[1:] for seed in (0, 1)
    ]
    more = [alike(engine, right, 1) for engine, right in engines[:1]]
    found = checks_among([*patterned, *runs, *more])
    pd.testing.assert_frame_equal(found.drop(columns="setting"), check_table(runs))


def test_several_settings_are_told_apart(alike):
    runs = [
        alike(replace(engine, lr=lr), right)
        for lr in (0.1, 0.2)
        for engine, right in (
            (Magnitude(sparsity=0.0), 150),
            (Magnitude(sparsity=0.8), 180),
            (Random(sparsity=0.8, start="dense"), 140),
        )
    ]
    found = checks_among(runs)
    assert list(found["setting"]) == ["lr=0.1"] * 3 + ["lr=0.2"] * 3
    sentences = verdicts(found)
    assert "At sparsity 80 %, lr=0.1, it does" in sentences[0]
    assert list(check_text(found)["setting"]) == list(found["setting"])
    assert "do not show" in verdicts(found[:0])[0]


def test_the_floor_is_the_best_constant_answer(made):
    run = made(Magnitude(sparsity=0.8), 100)
    labels = np.array([0] * 130 + [1] * 70)
    write_predictions(run.folder, {"validation": Predictions(np.zeros((200, 2), np.float32), labels)})
    floor = scores_of([run], constant=True)
    assert floor.values.tolist() == [0.65]
    assert floor.resampled.mean() == pytest.approx(0.65, abs=0.01)
    run.folder.predictions.unlink()
    assert scores_of([run]).resampled is None
    with pytest.raises(BadInput, match="kept no outputs"):
        scores_of([run], constant=True)


def test_the_floor_of_a_regression_is_the_mean_of_its_labels(made):
    run = made(Magnitude(sparsity=0.8), 100)
    labels = numpy_generator("numbers").normal(37.1, 2.0, size=200).astype(np.float32)
    write_predictions(run.folder, {"validation": Predictions(labels[:, None], labels)})
    floor = scores_of([run], "r2", constant=True)
    assert floor.values.tolist() == pytest.approx([0])
    assert (np.abs(floor.resampled) < 0.1).all()
    for metric in ("pearson", "spearman", "kendall"):
        floor = scores_of([run], metric, constant=True)
        assert floor.values.tolist() == [0]
        assert not floor.resampled.any()


def test_ground_counts_dense_steps_and_recovery(made, finished_run):
    run = made(Magnitude(sparsity=0.8), 100)
    pretrained = made(replace(Magnitude(sparsity=0.8), start="pretrained"), 101)
    for one in (run, pretrained):
        results = copy.deepcopy(one.results)
        results["levels"][-1]["recovery"] = {"mask": 12.5, "sparsity": 20.0}
        write_json(one.folder.results, results)
    ground = ground_table([run, pretrained, finished_run]).set_index("run")
    dense = finished_run.results["dense"]["cost"]["optimizer_steps"]
    assert ground.loc[run.name].tolist() == [dense, 300, 300 + dense, 12.5, 20.0]
    assert ground.loc[pretrained.name, "from_pretrained"] == 300
    assert ground.loc[finished_run.name, "recovery"] == finished_run.recovery["mask"] > 0
    results["levels"][-1].pop("recovery")
    write_json(run.folder.results, results)
    assert pd.isna(ground_table([run])["recovery"].iloc[0])
