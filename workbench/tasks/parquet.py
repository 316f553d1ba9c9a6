"""Reads the Hub's layout: <task>/<split>-00000-of-00001.parquet, in one or several shards."""

import re
from pathlib import Path

import pandas as pd
import pyarrow
import pyarrow.parquet

from workbench.errors import BadInput
from workbench.tasks.rows import RawSplit
from workbench.tasks.task import Schema


def is_here(folder: Path) -> bool:
    """Whether `folder` holds Parquet files."""
    return any(folder.glob("*.parquet"))


def read(folder: Path, name: str, schema: Schema) -> dict[str, RawSplit]:
    """The rows of "train" and of each dev split by split name, unchanged.

    Raises:
        BadInput: a split has no file or lacks a shard, or a file is not Parquet.
    """
    return {split: _read_split(folder, split) for split in ("train", *schema.dev)}


def _read_split(folder: Path, split: str) -> RawSplit:
    # The dash excludes validation_matched from "validation".
    shards = sorted(folder.glob(f"{split}-*.parquet"))
    if not shards:
        raise BadInput(
            f"{folder} has no {split}-*.parquet; expected one or several shards next to "
            f"{', '.join(sorted(path.name for path in folder.glob('*.parquet')))}. Add the missing files."
        )
    total = re.search(r"-of-(\d+)\.parquet$", shards[0].name)
    if total and len(shards) != int(total[1]):
        raise BadInput(
            f"{folder} has {len(shards)} files {split}-*.parquet; expected the {int(total[1])} shards of "
            f"{split}-*-of-{total[1]}.parquet. Add the missing files, and keep those of one version only."
        )
    return RawSplit(pd.concat([read_file(path) for path in shards], ignore_index=True), str(shards[0]))


def read_file(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """The rows of one file, numbered from 0; an index that pandas saved is a column like any other.

    Args:
        path: the file.
        columns: those to read; None for all.

    Raises:
        BadInput: it is not Parquet, or is damaged.
    """
    try:
        table = pyarrow.parquet.read_table(path, columns=columns, partitioning=None)
        return table.to_pandas(ignore_metadata=True)
    except (OSError, pyarrow.ArrowException) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> BadInput:
    """The error of a file that the library cannot read."""
    return BadInput(f"cannot read {path} as Parquet ({error}). Copy or download the file again.")
