"""Rows from the Hugging Face Hub."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from workbench.errors import BadInput
from workbench.hub import hub_unreachable, offline
from workbench.tasks.rows import RawSplit
from workbench.tasks.task import Schema


def rows_from_hub(
    task_id: str, dataset: str, name: str, schema: Schema, alternatives: str
) -> dict[str, RawSplit]:
    """The rows of "train" and of each dev split, by split name; image files are not decoded.

    Args:
        task_id: the task's id in messages.
        dataset, name: the Hub's id of the data set, and the name of its configuration.
        schema: defines the splits.
        alternatives: what to do without the Hub; continues a message that starts with "Either".

    Raises:
        BadInput: the Hub cannot be reached, or its library fails.
    """
    loaded = _loaded(task_id, dataset, alternatives, lambda load: load(dataset, name))
    return {
        split: RawSplit(loaded[split].to_pandas(), f"split {split} of {dataset}/{name}")
        for split in ("train", *schema.dev)
    }


def split_from_hub(dataset: str, name: str | None, split: str) -> pd.DataFrame:
    """The rows of one split of any data set; image files are not decoded.

    Args:
        dataset, name: the Hub's id of the data set, and the name of its configuration, if it has several.
        split: the split.

    Raises:
        BadInput: the Hub cannot be reached, or its library fails.
    """
    alternatives = "save its rows as parquet and name the file"
    rows = _loaded(f"split {split}", dataset, alternatives, lambda load: load(dataset, name, split=split))
    return rows.to_pandas()


def _loaded(subject: str, dataset: str, alternatives: str, load: Callable[[Callable], Any]) -> Any:
    """What the library's `load_dataset` returns."""
    # With HF_HUB_OFFLINE the library uses its cache or fails immediately, so it is worth trying.
    if not offline() and (reason := hub_unreachable()):
        raise _no_hub(subject, dataset, reason, alternatives)
    import datasets

    try:
        return load(datasets.load_dataset)
    except Exception as error:
        # The library passes through errors of httpx, fsspec and the system.
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise _no_hub(subject, dataset, reason, alternatives) from error


def _no_hub(subject: str, dataset: str, reason: str, alternatives: str) -> BadInput:
    return BadInput(
        f"cannot load {subject} from the Hub ({dataset}): {reason}. Either {alternatives}, or connect to a "
        "network (an earlier download in the local cache can be read with HF_HUB_OFFLINE=1)."
    )
