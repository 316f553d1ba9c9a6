"""The logits of the dense model for the training split, computed once for all runs that learn from it."""

import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn

from workbench.errors import BadInput
from workbench.locks import lock_or_wait
from workbench.runs.stage_folder import StageFolder
from workbench.runs.states import read_tensors, write_tensors
from workbench.training import predict
from workbench.training.data import TaskData


def teacher_logits(
    dense: StageFolder, load: Callable[[], nn.Module], data: TaskData, precision: str
) -> Tensor:
    """The logits of the dense model for each training example, read from its folder or computed.

    As in evaluation, examples are batched by length, so that there is little padding. A second process that
    needs the same logits waits for the first.

    Args:
        dense: the dense model's complete stage.
        load: returns the dense model.
        data: the task.
        precision: "fp32" or "bf16".

    Returns:
        float32 (examples, outputs), in the order of `data.train`.
    """
    _, facts = read_tensors(dense.paths.state)
    content = {"rows": data.train.digest(), "weights": facts["digest"], "precision": precision}
    if (logits := _read(dense, content)) is not None:
        return logits
    waiting = f"another run is computing the logits of the dense model in {dense.run.root}; waiting for it"
    with lock_or_wait(dense.run.teacher_lock, waiting):
        if (logits := _read(dense, content)) is None:
            logits = torch.from_numpy(predict(load(), data.train, precision, what="teacher"))
            write_tensors(dense.run.teacher_logits, {"logits": logits}, content)
    return logits


def _read(dense: StageFolder, content: dict[str, str]) -> Tensor | None:
    """The logits in the file; None if it does not exist, is damaged, or belongs to other data."""
    path = dense.run.teacher_logits
    if not path.exists():
        return None
    try:
        tensors, facts = read_tensors(path)
    except BadInput:
        print(f"{path} is damaged; it is computed again", file=sys.stderr, flush=True)
        return None
    if changed := [name for name, value in content.items() if facts.get(name) != value]:
        print(f"{path} has other {', '.join(changed)}; it is computed again", file=sys.stderr, flush=True)
        return None
    return tensors["logits"]
