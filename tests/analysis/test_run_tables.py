"""The tables of one finished run."""

import numpy as np
import pytest

from workbench import analysis
from workbench.errors import BadInput
from workbench.masks import Mask


def test_levels_start_with_the_dense_model_and_end_with_the_result(finished_run):
    levels = analysis.levels.level_table(finished_run)
    assert list(levels["stage"].unique()) == ["dense", "level-1", "level-2"]
    assert list(levels["split"].unique()) == ["validation", "dev"]
    final = levels[(levels["stage"] == "level-2") & (levels["split"] == "dev")]
    assert final["value"].tolist() == [finished_run.results["dev"]["validation"]["accuracy"]]
    assert final["kept_share"].tolist() == [finished_run.mask().kept / finished_run.mask().numel]


def test_scores_have_one_row_for_each_stage(finished_run):
    scores = analysis.levels.score_table(finished_run)
    assert scores["stage"].tolist() == ["dense", "level-1", "level-2"]
    assert list(scores.columns) == ["stage", "sparsity", "validation accuracy", "dev accuracy"]
    assert scores["sparsity"].tolist() == pytest.approx(
        [0, finished_run.mask(1).sparsity, finished_run.mask(2).sparsity]
    )


def test_layers_by_type_contain_each_matrix_once(finished_run):
    mask = finished_run.mask()
    layers = analysis.layers.layer_table(mask)
    assert layers.shape == (2, 6)
    assert layers.loc[1, "output.dense"] == mask.layer_sparsity()["bert.encoder.layer.1.output.dense.weight"]
    assert not layers.isna().to_numpy().any()


def test_the_pool_has_ratio_distance_and_winner(finished_run):
    pool = analysis.pool.pool_table(finished_run, 1)
    assert pool["ratio"].tolist() == [5e-5, 1e-4, 8e-5, 3e-4]
    assert pool["chosen"].sum() == 1
    assert pool.loc[pool["chosen"], "score"].item() == pool["score"].max()
    assert pool["from_magnitude"].between(0.001, 0.5).all()


def test_the_pools_overlap_is_that_of_its_masks(finished_run):
    overlap = analysis.overlap.pool_overlap(finished_run, 2)
    first, second = (Mask.load(candidate.path) for candidate in finished_run.candidates(2)[:2])
    assert overlap.loc["0", "1"] == overlap.loc["1", "0"] == first.jaccard(second) < 1
    assert np.diag(overlap).tolist() == [1, 1, 1, 1]


def test_the_winning_mask_is_the_level_s(finished_run):
    pool = analysis.pool.pool_table(finished_run, 2)
    chosen = finished_run.candidates(2)[pool.index[pool["chosen"]].item()]
    assert chosen.mask == finished_run.mask(2)


def test_early_curves_average_to_the_scores(finished_run):
    curves, pool = analysis.race.early_curves(finished_run, 1), analysis.pool.pool_table(finished_run, 1)
    for candidate, rows in curves.groupby("candidate"):
        assert rows["value"].tail(2).mean() == pytest.approx(pool["score"][candidate])
        assert rows["step"].is_monotonic_increasing


def test_early_scores_are_beside_final_ones(finished_run):
    scores = analysis.race.early_against_final(finished_run, 1)
    assert scores["early"].tolist() == analysis.pool.pool_table(finished_run, 1)["score"].tolist()
    assert scores["final"].tolist() == [c.score for c in finished_run.candidates(1, race="full")]


def test_a_level_without_a_race_has_empty_tables(finished_run):
    assert analysis.pool.pool_table(finished_run, 9).empty
    assert analysis.race.early_curves(finished_run, 9).empty
    assert analysis.race.early_against_final(finished_run, 9).empty
    with pytest.raises(BadInput, match="no masks"):
        analysis.overlap.pool_overlap(finished_run, 9)


def test_costs_add_up_and_the_total_excludes_study(finished_run):
    cost = analysis.cost.cost_table(finished_run).set_index("purpose")
    steps = cost["optimizer steps"]
    assert steps["total"] == steps["training the levels"] + steps["early training of candidates"]
    assert steps["full training of candidates, for study"] > 0
    assert (cost > 0).all(axis=None)


def test_storage_counts_zeros_and_bytes_separately(finished_run):
    storage = analysis.cost.storage_table(finished_run).set_index("what")["count"]
    mask, model = finished_run.mask(), finished_run.path / "model" / "model.safetensors"
    assert storage["zeros among the prunable weights"] == mask.numel - mask.kept
    assert storage["all parameters of the model"] > mask.numel
    assert storage["model file: zeros are stored like other numbers"] == model.stat().st_size
    latency = finished_run.results["milliseconds"]
    assert storage[f"forward of {latency['examples']} examples, pruned model"] == latency["pruned"] > 0
    assert storage["mask file: one bit for each prunable weight"] > mask.numel / 8
