"""Rows from the Hugging Face Hub."""

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
    # With HF_HUB_OFFLINE the library uses its cache or fails immediately, so it is worth trying.
    if not offline() and (reason := hub_unreachable()):
        raise _no_hub(task_id, dataset, reason, alternatives)
    import datasets

    try:
        loaded = datasets.load_dataset(dataset, name)
        return {
            split: RawSplit(loaded[split].to_pandas(), f"split {split} of {dataset}/{name}")
            for split in ("train", *schema.dev)
        }
    except Exception as error:
        # The library passes through errors of httpx, fsspec and the system.
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise _no_hub(task_id, dataset, reason, alternatives) from error


def _no_hub(task_id: str, dataset: str, reason: str, alternatives: str) -> BadInput:
    return BadInput(
        f"cannot load {task_id} from the Hub ({dataset}): {reason}. Either {alternatives}, or connect to a "
        "network (an earlier download in the local cache can be read with HF_HUB_OFFLINE=1)."
    )
