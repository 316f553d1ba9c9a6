"""The expected and the sampled values of a pool agree, and both agree with the functions on masks."""

import numpy as np
import pandas as pd
import pytest
import torch

from workbench.analysis.expected_patterns import expected_pool
from workbench.analysis.expected_pool import pool_summary
from workbench.analysis.pool import PoolSpec, SampledPool
from workbench.errors import BadInput
from workbench.figures.magnitudes import magnitude_histogram
from workbench.masks import overlap, sample_mask, topk_mask
from workbench.randomness import derive, torch_generator

SHAPES = {"query.weight": (160, 128), "dense.weight": (96, 200), "norm.weight": (512,)}
WEIGHTS = {
    f"encoder.layer.{i}.{kind}": torch.randn(shape, generator=torch_generator(kind, i))
    for i in range(2)
    for kind, shape in SHAPES.items()
}
SPECS = [
    PoolSpec(0.8, ratio=1e-2, candidates=6),
    PoolSpec(0.9, "global", 2.0, 1e-3, 5, seed=3),
    PoolSpec(0.5, ratio=1e-2, candidates=5, pattern="2:4"),
    PoolSpec(0.8, "global", 2.0, 1e-3, 5, pattern="block:1x2"),
]


@pytest.fixture(scope="module", params=SPECS, ids=lambda spec: f"{spec.pattern}, {spec.scope}")
def pools(request):
    return expected_pool(WEIGHTS, request.param, {}), SampledPool.of(WEIGHTS, request.param)


def test_expected_values_are_near_the_sampled_ones(pools):
    expected, sampled = pools
    assert sampled.table()["from_magnitude"].mean() == pytest.approx(expected.distance, rel=0.03)
    assert np.abs(expected.overlap() - sampled.overlap()).to_numpy().max() < 0.03
    pd.testing.assert_frame_equal(
        expected.growth(), sampled.growth().astype(float), rtol=0.02, check_index_type=False
    )
    assert np.abs(expected.disagreement() - sampled.disagreement()).max() < 0.02
    assert np.abs(expected.sparsity() - sampled.sparsity()).max() < 0.02


@pytest.mark.parametrize("matrix", ["encoder.layer.1.query.weight", "encoder.layer.0.norm.weight"])
def test_cells_have_the_mean_of_their_matrix(pools, matrix):
    expected, sampled = pools
    numel = WEIGHTS[matrix].numel()
    for pool in pools:
        cells = pool.cells(matrix)
        assert max(cells.shape) <= 64
        if numel % cells.size == 0 and len(WEIGHTS[matrix].shape) == 1:
            assert cells.mean() == pytest.approx(pool.disagreement()[matrix], rel=0.05)
    assert expected.cells(matrix).shape == sampled.cells(matrix).shape
    assert expected.cells(matrix).mean() == pytest.approx(sampled.cells(matrix).mean(), rel=0.2)


def test_a_sampled_pool_is_made_of_sampled_masks(pools):
    _, sampled = pools
    spec = sampled.spec
    law = {"sparsity": spec.sparsity, "ratio": spec.ratio, "exponent": spec.exponent, "scope": spec.scope}
    magnitudes = {name: weight.abs() for name, weight in WEIGHTS.items()}
    masks = {"magnitude": topk_mask(magnitudes, spec.sparsity, spec.scope, spec.pattern)}
    law["pattern"] = spec.pattern
    for number in range(spec.candidates):
        masks[str(number)] = sample_mask(WEIGHTS, **law, seed=derive(spec.seed, "pool", number))
    pd.testing.assert_frame_equal(sampled.overlap(), overlap(masks))


def test_the_bins_of_magnitude_contain_all_weights_of_a_matrix(pools):
    expected, _ = pools
    name = "encoder.layer.0.query.weight"
    table = expected.magnitudes(name)
    assert table["weights"].sum() == WEIGHTS[name].numel()
    assert table["low"].iloc[0] <= WEIGHTS[name].abs().min() <= table["high"].iloc[0]
    patterned = expected.spec.pattern != "unstructured"
    assert patterned or 0 < expected.threshold(name) < table["high"].iloc[-1]
    sampled = pools[1].magnitudes(name, WEIGHTS[name])
    kept = [(found["weights"] * found["chance"]).sum() for found in (table, sampled)]
    assert kept[0] == pytest.approx(kept[1], rel=0.03)


def test_a_matrix_of_zeros_has_no_bins_of_magnitude():
    name, spec = "encoder.layer.0.query.weight", PoolSpec(0.9, "global", candidates=2)
    weights = WEIGHTS | {name: torch.zeros(SHAPES["query.weight"])}
    expected, sampled = expected_pool(weights, spec, {}), SampledPool.of(weights, spec)
    for table in (expected.magnitudes(name), sampled.magnitudes(name, weights[name])):
        assert list(table.columns) == ["low", "high", "weights", "chance"]
        assert table.empty
        figure = magnitude_histogram(table, expected.threshold(name))
        assert not figure.data
        assert "are zero" in figure.layout.xaxis.title.text


def test_a_candidate_does_not_depend_on_the_number_of_candidates():
    few, more = (SampledPool.of(WEIGHTS, PoolSpec(candidates=count)) for count in (2, 3))
    assert few.masks == {label: more.masks[label] for label in ("0", "1")}


def test_sampling_can_be_stopped():
    asked = []
    assert SampledPool.of(WEIGHTS, PoolSpec(), stopped=lambda: len(asked) == 2 or asked.append(1)) is None
    assert len(asked) == 2


def test_a_summary_has_both_columns(pools):
    table = pool_summary(*pools)
    assert list(table.columns) == ["quantity", "expected", "sampled"]
    assert table["sampled"].iloc[-1] == f"{pools[1].growth()['intersection'].iloc[-1]:,}"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sparsity": 1.0}, "sparsity 1.0"),
        ({"sparsity": -0.1}, "sparsity -0.1"),
        ({"ratio": 0.0}, "sampling ratio 0.0"),
        ({"exponent": -1.0}, "exponent -1.0"),
        ({"scope": "layer"}, "unknown scope 'layer'"),
        ({"candidates": 1}, "1 candidates do not make a pool"),
        ({"candidates": 65}, "choose 2 to 64"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(BadInput, match=message):
        PoolSpec(**settings)


def test_a_sampled_pool_with_a_pattern_counts_what_its_masks_keep_by_magnitude():
    matrices = {name: weight for name, weight in WEIGHTS.items() if weight.ndim == 2}
    name = next(iter(matrices))
    pool = SampledPool.of(matrices, PoolSpec(0.5, candidates=3, pattern="2:4"))
    table = pool.magnitudes(name, matrices[name])
    assert table["weights"].sum() == matrices[name].numel()
    kept = sum(mask.packed(name).kept for mask in pool.masks.values())
    assert (table["weights"] * table["chance"]).sum() == pytest.approx(kept / 3)
    assert table["chance"].between(0, 1).all()
    sizes = matrices[name].abs()
    assert ((sizes >= table["low"].iloc[0]) & (sizes < table["high"].iloc[-1])).all()
    assert (pool.reference[name].reshape(-1, 4).sum(1) == 2).all()
