"""A row of the benchmark: which functions are called, how often, and how times are summarised."""

import sys

import numpy as np
import pytest
import torch

from workbench.benchmark import Row, measure
from workbench.benchmark.measure import extra_memory

WEIGHTS = {"w": torch.ones(8)}


def row(**changes) -> tuple[Row, list[str]]:
    """A row with two contestants, and the list of their calls."""
    calls = []
    contestants = {name: lambda name=name: calls.append(name) or name for name in ("ours", "theirs")}
    fields = {"what": "work", "contestants": contestants, "check": lambda results: None, "rounds": 3}
    return Row(**fields | {"weights": WEIGHTS} | changes), calls


def test_contestants_take_turns_in_alternating_order():
    measured, calls = row()
    measure(measured)
    warm_up, rounds, memory = calls[:2], calls[2:8], calls[8:]
    assert warm_up == ["ours", "theirs"]
    assert rounds == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert memory in (["ours", "theirs"], [])


def test_every_contestant_has_a_line():
    lines = measure(row()[0])
    assert [line["contestant"] for line in lines] == ["ours", "theirs"]
    assert {line["what"] for line in lines} == {"work"}
    assert lines[0]["relative"] == 1
    assert all(line["seconds"] > 0 and line["reads"] > 0 for line in lines)


def test_a_sample_of_the_work_is_scaled_up():
    seconds = measure(row(times={"theirs": 1e9})[0])[1]["seconds"]
    assert seconds > 10


def test_a_wrong_result_stops_the_benchmark_before_any_timing():
    def check(results):
        assert results == {"ours": "ours", "theirs": "right"}

    measured, calls = row(check=check)
    with pytest.raises(AssertionError):
        measure(measured)
    assert calls == ["ours", "theirs"]


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
def test_extra_memory_is_the_rise_of_the_process_memory():
    mebibytes = extra_memory(lambda: np.ones(64 << 20, dtype=np.uint8).sum())
    assert 60 < mebibytes < 80
    assert extra_memory(lambda: None) < 4
