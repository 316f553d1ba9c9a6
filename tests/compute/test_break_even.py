from types import SimpleNamespace

import pytest
import torch

from workbench.compute import BreakEven, calibration, measured_break_even
from workbench.compute.kernels.target import TOKENS
from workbench.compute.products import passed

DENSE = {"forward": (1e-5, 0.0, 1e-11), "step": (2e-5, 1e-9, 3e-11)}
SPARSE = {"forward": (5e-5, 0.0, 2e-11, 1e-9), "step": (1e-4, 0.0, 6e-11, 2e-9)}


def test_the_quicker_one_is_best():
    costs, shape = BreakEven("bfloat16", DENSE, SPARSE), (3072, 768)
    numel = 3072 * 768
    for training in (True, False):
        share = costs.sparsity(shape, 1024, training=training)
        assert 0.4 < share < 0.9
        for sparsity, best in ((share - 0.01, "dense"), (share + 0.01, "sparse")):
            assert costs.best(shape, int(numel * (1 - sparsity)), 1024, training=training) == best


def test_seconds_are_the_sum_of_what_the_parts_cost():
    dense, sparse = BreakEven("float32", DENSE, SPARSE).seconds((8, 4), 10, 2 * TOKENS, training=False)
    assert dense == pytest.approx(1e-5 + 1e-11 * 32 * 2 * TOKENS)
    assert sparse == pytest.approx(5e-5 + 2e-11 * 10 * 2 * TOKENS + 1e-9 * 12 * 2 * TOKENS)


def test_a_layer_too_small_for_its_overhead_stays_dense_at_any_sparsity():
    costs = BreakEven("bfloat16", DENSE, SPARSE)
    assert costs.best((8, 8), 0, 16) == "dense"
    assert costs.sparsity((8, 8), 16) == 1.0


def test_without_kernels_everything_is_dense():
    costs = BreakEven("bfloat16", DENSE, {})
    assert costs.best((3072, 768), 0, 1024) == "dense"
    assert costs.sparsity((3072, 768), 1024) == 1.0


def test_the_tokens_gone_through_are_those_of_whole_passes():
    quarter = TOKENS // 4
    expected = {0: 0, 1: quarter, quarter: quarter, quarter + 1: 2 * quarter, TOKENS: TOKENS}
    expected |= {2 * quarter + 1: TOKENS, TOKENS + 1: TOKENS + quarter, 3 * TOKENS: 3 * TOKENS}
    assert {number: passed(number) for number in expected} == expected


@pytest.fixture
def quick(monkeypatch, tmp_path) -> SimpleNamespace:
    """A calibration of one small shape, kept in a folder of its own; counts how often it is done."""
    counted, calibrate = SimpleNamespace(times=0, folder=tmp_path), calibration.calibrate

    def count(dtype: torch.dtype) -> BreakEven:
        counted.times += 1
        return calibrate(dtype)

    monkeypatch.setattr(calibration, "_SHAPES", ((64, 48), (48, 96)))
    monkeypatch.setattr(calibration, "_TOKENS", (8, 200))
    monkeypatch.setattr(calibration, "calibrate", count)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return counted


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_machine_is_measured_once(quick, dtype):
    first = measured_break_even(dtype)
    assert first == measured_break_even(dtype)
    assert quick.times == 1
    for costs in (first.dense, first.sparse):
        assert set(costs) == {"forward", "step"}
        assert all(factor >= 0 for factors in costs.values() for factor in factors)
    dense, sparse = first.seconds((64, 48), 300, 200)
    assert 0 < dense < 1
    assert 0 < sparse < 1


def test_costs_measured_on_a_busy_machine_are_those_of_its_quiet_moments(monkeypatch):
    busy = [5.0, 6.0, 0.25, 7.0, 9.0, 8.0, 4.0]
    # The warm-up reads the clock once.
    readings = iter([0.0, *(reading for seconds in busy for reading in (0.0, seconds))])
    monkeypatch.setattr(calibration.time, "perf_counter", lambda: next(readings))
    assert calibration._in_turns([lambda: None]) == [0.25]


def test_a_damaged_file_is_measured_again(quick):
    first = measured_break_even(torch.float32)
    (path,) = quick.folder.rglob("*.json")
    for text in ("{", "{}", '{"dtype": 1, "dense": 2}', "[]"):
        path.write_text(text)
        assert measured_break_even(torch.float32).dense.keys() == first.dense.keys()
    assert quick.times == 5


def test_a_cache_that_cannot_be_written_costs_time_only(quick, monkeypatch):
    (quick.folder / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(quick.folder / "file"))
    assert measured_break_even(torch.float32).dense
    assert quick.times == 1
