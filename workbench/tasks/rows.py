"""The rows of a split as read from a source, and their validation."""

from dataclasses import dataclass

import pandas as pd

from workbench.errors import BadInput
from workbench.tasks.task import Schema

# Labels of unlabelled rows: the Hub's number, and MultiNLI's mark for annotators who disagree.
UNLABELLED = ("-1", "-1.0", "-")


@dataclass(frozen=True, eq=False)
class RawSplit:
    """The unchecked rows of a split.

    Attributes:
        frame: at least the schema's columns; labels are numbers or text.
        origin: the file or data set, for messages.
        broken: number of rows that could not be read.
    """

    frame: pd.DataFrame
    origin: str
    broken: int = 0


def clean(raw: RawSplit, schema: Schema) -> tuple[pd.DataFrame, int]:
    """Returns the input columns with a numeric "label", and the number of dropped rows.

    Rows are dropped if they are malformed or lack an input or a label.

    Raises:
        BadInput: a column is missing, a label is not in the schema, or no row is left.
    """
    columns = [*schema.inputs, "label"]
    if missing := [column for column in columns if column not in raw.frame]:
        raise BadInput(
            f"{raw.origin} lacks the column {', '.join(map(repr, missing))}; expected {', '.join(columns)}. "
            "Replace it with the complete file."
        )
    frame = raw.frame[columns].dropna()
    frame = frame[~frame["label"].astype(str).isin(UNLABELLED)].reset_index(drop=True)
    dropped = raw.broken + len(raw.frame) - len(frame)
    if frame.empty:
        raise BadInput(
            f"{raw.origin} has no row with {' and '.join(columns)}, and {dropped} without. "
            "Replace it with the complete file."
        )
    frame["label"] = _numbers(frame["label"].astype(str), schema, raw.origin)
    return frame, dropped


def _numbers(labels: pd.Series, schema: Schema, origin: str) -> pd.Series:
    """Converts labels, given as numbers or names, to int64 classes or float32 targets."""
    if schema.is_regression:
        values, (low, high) = pd.to_numeric(labels, errors="coerce").astype("float32"), schema.label_range
        bad = ~values.between(low, high)
        expected = f"a number from {low:g} to {high:g}"
    else:
        values = labels.map({key: i for i, name in enumerate(schema.labels) for key in (name, str(i))})
        bad = values.isna()
        expected = " or ".join(f"{i} ({name})" for i, name in enumerate(schema.labels))
    if bad.any():
        raise BadInput(
            f"{origin} has the label {labels[bad].iloc[0]!r}; {int(bad.sum())} of its {len(labels)} labels "
            f"are not {expected}. Correct them, or remove those rows."
        )
    return values.astype("float32" if schema.is_regression else "int64")
