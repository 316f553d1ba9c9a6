"""How long forward passes take, beside what people use."""

from typing import Any

import pandas as pd

REFERENCE = "torch fp32"


def speed_rows(result: dict[str, Any]) -> pd.DataFrame:
    """One row for each shape and contestant, from `Run.speed`.

    Returns:
        batch, length, shape ("batch x length"), contestant, milliseconds, bytes, largest_difference, and
        times_as_fast: the milliseconds of float32 in torch for the same shape, divided by its own.
    """
    rows = pd.DataFrame(result["rows"])
    rows.insert(2, "shape", [f"{row.batch} x {row.length}" for row in rows.itertuples()])
    reference = rows[rows["contestant"] == REFERENCE].set_index("shape")["milliseconds"]
    return rows.assign(times_as_fast=rows["shape"].map(reference) / rows["milliseconds"])


def speed_table(result: dict[str, Any]) -> pd.DataFrame:
    """One row for each contestant: milliseconds for each shape, bytes, and the largest difference of all."""
    rows = speed_rows(result)
    contestants, shapes = rows["contestant"].unique(), rows["shape"].unique()
    times = rows.pivot(index="contestant", columns="shape", values="milliseconds").loc[contestants, shapes]
    others = rows.groupby("contestant").agg(
        bytes=("bytes", "first"), largest_difference=("largest_difference", "max")
    )
    table = times.join(others).reset_index()
    table.columns.name = None
    return table
