"""The whole benchmark: all rows, and the table of results."""

from collections.abc import Iterator

import pandas as pd
from tqdm import tqdm

from workbench.benchmark.forwards import forward_rows
from workbench.benchmark.masked_steps import masked_step_rows
from workbench.benchmark.measure import Row, measure
from workbench.benchmark.products import product_rows
from workbench.benchmark.scales import SCALES, Scale
from workbench.benchmark.selection import selection_rows
from workbench.benchmark.steps import step_row
from workbench.errors import unknown
from workbench.execution.environment import machine, machine_text


def rows(scale: Scale) -> Iterator[Row]:
    """All rows of the benchmark."""
    yield from selection_rows(scale)
    yield step_row(scale)
    yield from product_rows(scale)
    yield from forward_rows(scale)
    yield from masked_step_rows(scale)


def run(scale: str) -> dict:
    """Measures every row; shows a progress bar on standard error if that is a terminal.

    Args:
        scale: "small", which takes seconds and is only useful for its checks, "minilm" or "bert-base".

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
    tables = [
        what + "\n" + lines.drop(columns="what").to_string(index=False, float_format="{:.4g}".format)
        for what, lines in pd.DataFrame(result["rows"]).groupby("what", sort=False)
    ]
    return "\n\n".join([machine_text(result["machine"]), *tables])
