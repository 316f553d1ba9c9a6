"""GLUE in the Hub's layout: <task>/<split>-00000-of-00001.parquet, in one shard or several."""

import re
from pathlib import Path

import pandas as pd
import pyarrow

from workbench.errors import BadInput
from workbench.tasks.rows import RawSplit
from workbench.tasks.task import Schema


def is_here(folder: Path) -> bool:
    """Whether `folder` holds Parquet files."""
    return any(folder.glob("*.parquet"))


def read(folder: Path, name: str, schema: Schema) -> dict[str, RawSplit]:
    """Split name to the rows of "train" and of each dev split, as they are in the files.

    Raises:
        BadInput: a split has no file or lacks a shard, or a file is no Parquet.
    """
    return {split: _read_split(folder, split) for split in ("train", *schema.dev)}


def _read_split(folder: Path, split: str) -> RawSplit:
    # The dash keeps validation_matched out of "validation".
    shards = sorted(folder.glob(f"{split}-*.parquet"))
    if not shards:
        raise BadInput(
            f"{folder} has no {split}-*.parquet; expected it in one shard or several beside "
            f"{', '.join(sorted(path.name for path in folder.glob('*.parquet')))}. Complete the folder."
        )
    total = re.search(r"-of-(\d+)\.parquet$", shards[0].name)
    if total and len(shards) != int(total[1]):
        raise BadInput(
            f"{folder} has {len(shards)} files {split}-*.parquet; expected the {int(total[1])} shards of "
            f"{split}-*-of-{total[1]}.parquet. Complete the folder and leave the files of one version only."
        )
    return RawSplit(pd.concat([_read_file(path) for path in shards], ignore_index=True), str(shards[0]))


def _read_file(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise BadInput(
            f"cannot read {path} as Parquet ({error}). Copy or download the file again."
        ) from error
