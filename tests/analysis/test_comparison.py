"""Any set of runs as tables, and the names of their engines."""

from dataclasses import replace
from math import sqrt
from types import SimpleNamespace

import pytest

from tests.fabricated import fabricate
from workbench.analysis.comparison import (
    at_highest_sparsity,
    by_task,
    comparison_table,
    engine_labels,
    summary_table,
)
from workbench.analysis.cost import cost_by_engine
from workbench.analysis.layers import sparsity_by_engine
from workbench.analysis.overlap import engine_overlap
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput
from workbench.runs import FineTuning, RunSpec
from workbench.training import Distillation


@pytest.fixture
def runs(finished_run, tmp_path):
    """Three seeds of one engine, one of another, at 0.9; and one run at 0.8."""
    return [
        *(
            fabricate(tmp_path, finished_run, Magnitude(sparsity=0.9), seed=s, right=100 + 10 * s)
            for s in range(3)
        ),
        fabricate(tmp_path, finished_run, IMP(sparsity=0.9, scope="global"), right=120, steps=500),
        fabricate(tmp_path, finished_run, IMP(sparsity=0.8, scope="global"), right=140),
    ]


def test_each_run_has_a_row_with_its_score_and_cost(runs):
    table = comparison_table(runs)
    assert table["run"].tolist() == [runs[i].name for i in (4, 3, 0, 1, 2)]
    assert table["dev"].tolist() == [0.7, 0.6, 0.5, 0.55, 0.6]
    assert table["optimizer_steps"].tolist() == [300, 500, 300, 300, 300]
    assert table["engine"].tolist() == ["imp", "imp", *["magnitude"] * 3]
    assert set(table["metric"]) == {"accuracy"}
    assert table["dense"].tolist() == [runs[0].results["dense"]["dev"]["validation"]["accuracy"]] * 5


def test_a_metric_that_no_run_has_is_refused(runs):
    with pytest.raises(BadInput, match="accuracy"):
        comparison_table(runs, "acuracy")
    assert comparison_table([]).empty


def test_a_run_given_twice_is_not_two_seeds(runs):
    with pytest.raises(BadInput, match=f"run {runs[0].name} is given twice"):
        comparison_table([*runs, runs[0]])


def test_means_have_an_interval_if_there_are_several_seeds(runs):
    summary = summary_table(comparison_table(runs)).set_index(["engine", "sparsity"])
    row = summary.loc["magnitude", 0.9]
    reach = 4.30265 * 0.05 / sqrt(3)  # Student's t with two degrees of freedom
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((0.55, 0.55 - reach, 0.55 + reach))
    assert (row["seeds"], row["least"], row["most"]) == (3, 0.5, 0.6)
    single = summary.loc["imp", 0.9]
    assert single["mean"] == 0.6
    assert single[["low", "high"]].isna().all()


def test_the_highest_sparsity_is_one_that_the_most_engines_have(runs):
    ((title, rows),) = by_task(comparison_table(runs))
    assert title == "synth/sst2"
    assert set(at_highest_sparsity(rows)["sparsity"]) == {0.9}
    easier = rows[(rows["engine"] == "magnitude") | (rows["sparsity"] == 0.8)]
    assert set(at_highest_sparsity(easier)["sparsity"]) == {0.9}, "the higher one of a tie"


def test_zeros_bytes_and_milliseconds_are_columns_of_their_own(runs):
    cost = cost_by_engine(runs, comparison_table(runs)).set_index(["engine", "sparsity"])
    mask = runs[3].mask()
    row = cost.loc["imp", 0.9]
    assert row["zeros"] == mask.numel - mask.kept
    assert row["mask_bytes"] == (runs[3].path / "masks" / "level-1.safetensors").stat().st_size
    assert row["optimizer_steps"] == 500
    latency = runs[3].results["milliseconds"]
    assert (row["forward_ms"], row["dense_ms"]) == (latency["pruned"], latency["dense"])
    assert cost["model_bytes"].isna().all(), "these runs have no model file"


def test_overlap_is_a_mean_over_the_seeds_that_both_have(runs):
    rows = at_highest_sparsity(comparison_table(runs))
    overlap = engine_overlap(runs, rows)
    assert list(overlap.index) == list(overlap.columns) == ["imp", "magnitude"]
    assert (
        overlap.loc["imp", "magnitude"]
        == overlap.loc["magnitude", "imp"]
        == runs[3].mask().jaccard(runs[0].mask())
    )
    assert overlap.loc["imp", "imp"] == 1
    apart = rows[(rows["engine"] == "imp") | (rows["seed"] > 0)]
    assert engine_overlap(runs, apart).isna().loc["imp", "magnitude"]


@pytest.mark.parametrize(("by", "parts"), [("layer", [0, 1]), ("type", None)])
def test_sparsity_by_part_comes_from_exact_counts(runs, by, parts):
    rows = at_highest_sparsity(comparison_table(runs))
    shares = sparsity_by_engine(runs, rows)[by]
    assert shares.index.tolist() == ["imp", "magnitude"]
    if parts:
        assert shares.columns.tolist() == parts
        assert shares.loc["imp"].mean() == pytest.approx(runs[3].mask().sparsity), (
            "both layers have equal sizes"
        )
    else:
        names = [name for name in runs[3].mask().names if name.endswith("intermediate.dense.weight")]
        kept = sum(runs[3].mask().kept_per_matrix()[name] for name in names)
        assert shares.loc["imp", "intermediate.dense"] == 1 - kept / (2 * 32 * 64)


def labels(*specs):
    return engine_labels([SimpleNamespace(spec=spec) for spec in specs])


def spec(engine, task="synth/rte", **values):
    return RunSpec(task=task, engine=engine, **values)


def test_settings_are_named_only_if_they_distinguish_runs():
    assert labels(spec(IMP(levels=7)), spec(Magnitude(lr=1e-3))) == ["imp", "magnitude"]
    assert labels(spec(IMP(levels=7)), spec(IMP(levels=7, scope="global")), spec(Magnitude())) == [
        "imp",
        "imp, scope=global",
        "magnitude",
    ]


def test_seeds_sparsities_and_differences_between_tasks_are_not_named():
    first = IMP(sparsity=0.9, total_steps=100)
    assert (
        labels(
            spec(first),
            spec(first, seed=3),
            spec(replace(first, sparsity=0.8, total_steps=90)),
            spec(replace(first, total_steps=50), task="synth/cola", scale=0.5),
        )
        == ["imp"] * 4
    )


def test_nested_settings_and_those_of_the_spec_are_named_too():
    assert labels(
        spec(Magnitude(distillation=Distillation(mode="none"))),
        spec(Magnitude(), scale=0.5),
        spec(Magnitude(), selection="dev", dense=FineTuning(epochs=1.0)),
        spec(Magnitude()),
    ) == [
        "magnitude, distillation.mode=none",
        "magnitude, scale=0.5",
        "magnitude, selection=dev, dense.epochs=1.0",
        "magnitude",
    ]


def test_no_runs_have_no_labels():
    assert labels() == []
