"""Rows from the Hugging Face Hub."""

from workbench.errors import BadInput
from workbench.hub import hub_unreachable, offline
from workbench.tasks.rows import RawSplit
from workbench.tasks.task import Schema


def rows_from_hub(
    task_id: str, dataset: str, name: str, schema: Schema, ways_out: str
) -> dict[str, RawSplit]:
    """Split name to the rows of "train" and of each dev split, image files as they are.

    Args:
        task_id: what messages call the task.
        dataset, name: the Hub's id and the configuration in it.
        schema: names the splits.
        ways_out: what to do without the Hub, in a message after "Three ways out: ".

    Raises:
        BadInput: the Hub cannot be reached, or its library fails.
    """
    # With HF_HUB_OFFLINE the library fails at once or serves from its cache, so it is worth asking.
    if not offline() and (reason := hub_unreachable()):
        raise _no_hub(task_id, dataset, reason, ways_out)
    import datasets

    try:
        loaded = datasets.load_dataset(dataset, name)
        return {
            split: RawSplit(loaded[split].to_pandas(), f"split {split} of {dataset}/{name}")
            for split in ("train", *schema.dev)
        }
    except Exception as error:
        # The library lets errors of httpx, fsspec, its own and the system's through.
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise _no_hub(task_id, dataset, reason, ways_out) from error


def _no_hub(task_id: str, dataset: str, reason: str, ways_out: str) -> BadInput:
    return BadInput(
        f"cannot load {task_id} from the Hub ({dataset}): {reason}. Three ways out: {ways_out}, or get a "
        "network (what an earlier download left in the local cache is read with HF_HUB_OFFLINE=1)."
    )
