"""The whole benchmark: all rows, and the table of results."""

import os
from collections.abc import Iterator
from importlib.metadata import version

import pandas as pd
from tqdm import tqdm

from workbench.benchmark.measure import Row, measure
from workbench.benchmark.scales import SCALES, Scale
from workbench.benchmark.selection import selection_rows
from workbench.benchmark.steps import step_row
from workbench.errors import unknown
from workbench.execution.environment import current_environment


def rows(scale: Scale) -> Iterator[Row]:
    """All rows of the benchmark."""
    yield from selection_rows(scale)
    yield step_row(scale)


def run(scale: str) -> dict:
    """Measures every row; shows a progress bar on standard error if that is a terminal.

    Args:
        scale: "small", which takes seconds and is only useful for its checks, or "bert-base".

    Returns:
        `scale`, `rounds`, `machine` and `rows`, the concatenated output of `measure`.

    Raises:
        BadInput: the scale is unknown.
        AssertionError: a contestant's result is wrong.
    """
    if scale not in SCALES:
        raise unknown("scale", scale, SCALES)
    lines = [line for row in tqdm(rows(SCALES[scale]), unit=" rows", disable=None) for line in measure(row)]
    return {"scale": scale, "rounds": SCALES[scale].rounds, "machine": machine(), "rows": lines}


def as_text(result: dict) -> str:
    """Formats the result of `run` for reading: the machine, then one small table per row."""
    info = result["machine"]
    head = (
        f"{info['processor']}, {info['cores']} cores, {info['threads']} torch threads, "
        f"{info['memory_gib']} GiB, torch {info['versions']['torch']}, numba {info['versions']['numba']}"
    )
    tables = [
        what + "\n" + lines.drop(columns="what").to_string(index=False, float_format="{:.4g}".format)
        for what, lines in pd.DataFrame(result["rows"]).groupby("what", sort=False)
    ]
    return "\n\n".join([head, *tables])


def machine() -> dict:
    """What the measurements depend on: processor, cores, memory, threads, versions."""
    environment = current_environment("auto", content={})
    del environment["content"]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    versions = environment["versions"] | {"numba": version("numba")}
    return environment | {
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "versions": versions,
    }
