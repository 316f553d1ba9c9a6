"""One row of the benchmark: the same work by several contestants, alternating in one process."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import torch

from workbench.execution.environment import release_memory

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Row:
    """A piece of work and its contestants.

    Attributes:
        what: description of the work.
        contestants: functions without arguments; all are compared to the first.
        check: takes the results by contestant and raises AssertionError if one is wrong.
        weights: the weights on which one read is measured.
        rounds: measurements per contestant after warm-up.
        times: factors for the seconds of contestants that do only a sample of the work.
    """

    what: str
    contestants: Mapping[str, Callable[[], Any]]
    check: Callable[[dict[str, Any]], None]
    weights: Mapping[str, torch.Tensor]
    rounds: int
    times: Mapping[str, float] = field(default_factory=dict)


def measure(row: Row) -> list[dict[str, Any]]:
    """Checks the contestants' results, then times them alternately.

    The first call of each contestant is a warm-up, and its result is checked. Every round calls all of them
    and reads the weights once, in an order that is reversed every round. One more call of each measures
    memory.

    Returns:
        For each contestant `what`, `contestant`, `seconds` (median), `relative` (to the first contestant) and
        `reads` (seconds divided by those of one read), both as the median over rounds, and `extra_mib` (see
        `extra_memory`).

    Raises:
        AssertionError: a result is wrong.
    """
    row.check({name: function() for name, function in row.contestants.items()})
    work = {**row.contestants, None: lambda: one_read(row.weights)}
    one_read(row.weights)
    seconds: dict[str | None, list[float]] = {name: [] for name in work}
    for number in range(row.rounds):
        for name in list(work)[:: -1 if number % 2 else 1]:
            seconds[name].append(_seconds(work[name]) * row.times.get(name, 1))
    first = next(iter(row.contestants))
    return [
        {
            "what": row.what,
            "contestant": name,
            "seconds": median(seconds[name]),
            "relative": _median_ratio(seconds[name], seconds[first]),
            "reads": _median_ratio(seconds[name], seconds[None]),
            "extra_mib": extra_memory(function),
        }
        for name, function in row.contestants.items()
    ]


def one_read(weights: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
    """Reads every weight once, by taking the maximum of each matrix, the fastest reduction in torch."""
    return [weight.amax() for weight in weights.values()]


def extra_memory(function: Callable[[], Any]) -> float | None:
    """The rise of the process's resident memory while `function` runs, in MiB, including its result.

    Linux records the peak value and lets a process reset it. Memory that the function keeps between calls
    does not count. None on other systems.
    """
    if (before := forget_peak()) is None:
        return None
    function()
    return peak_memory() - before


def forget_peak() -> float | None:
    """Makes the process's present resident memory its peak, and returns it in MiB; None if not on Linux."""
    if not _RESET.exists():
        return None
    release_memory()
    _RESET.write_text("5")
    return _status("VmRSS")


def peak_memory() -> float:
    """The peak of the process's resident memory since `forget_peak`, in MiB."""
    return _status("VmHWM")


def _status(entry: str) -> float:
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(entry))


def _seconds(function: Callable[[], Any]) -> float:
    started = time.perf_counter()
    result = function()
    elapsed = time.perf_counter() - started
    del result  # only now, because freeing memory is not part of the work
    return elapsed


def _median_ratio(over: list[float], under: list[float]) -> float:
    return median(a / b for a, b in zip(over, under, strict=True))
