"""Which matrices are computed sparsely under a fixed mask: decided once per run, and recorded."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from workbench.compute import BreakEven, measured_break_even, supported
from workbench.compute.sparsify import Choice
from workbench.errors import BadInput, unknown
from workbench.models import prunable
from workbench.training import TrainingConfig, device
from workbench.training.data import TaskData

COMPUTE = ("auto", "dense", "sparse")
_DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


def check_compute(compute: str, model: nn.Module) -> None:
    """Rejects a way to compute that is not possible.

    Args:
        compute: one of `COMPUTE`.
        model: the student.

    Raises:
        BadInput: there is no such way, or sparse matrices are requested where they are not possible.
    """
    if compute not in COMPUTE:
        raise unknown("compute", compute, COMPUTE)
    if compute == "sparse" and (trouble := _trouble(model) or _unsupported()):
        raise BadInput(f"compute=sparse is impossible here: {trouble}. Use auto or dense.")


def settled_compute(compute: str, precision: str, data: TaskData, model: nn.Module) -> dict[str, Any]:
    """What `environment.json` records when a run folder is created.

    Args:
        compute: one of `COMPUTE`.
        precision: "fp32" or "bf16".
        data: the task; the mean length of its training examples decides how many tokens a batch has.
        model: the student.

    Returns:
        "kind", and for "auto" what it depends on: "length", the mean number of tokens of an example, and
        "costs", the attributes of a `BreakEven`. The kind is "dense" if "auto" has no choice.
    """
    if compute == "auto" and (_trouble(model) or not supported()):
        compute = "dense"
    if compute != "auto":
        return {"kind": compute}
    length = round(float(data.train.lengths.mean()), 3)
    return {"kind": "auto", "length": length, "costs": asdict(measured_break_even(_DTYPES[precision]))}


def computes_sparsely(record: Mapping[str, Any] | None) -> bool:
    """Whether a run may compute matrices sparsely.

    Args:
        record: what `settled_compute` returned; None for a run of an earlier version, which is dense.
    """
    return record is not None and record["kind"] != "dense"


def sparse_choice(record: Mapping[str, Any] | None, config: TrainingConfig) -> Choice | None:
    """Which matrices a stage computes sparsely; depends only on what is recorded.

    Args:
        record: what `settled_compute` returned; None for a run of an earlier version, which is dense.
        config: of the stage.

    Returns:
        None if none are.
    """
    if not computes_sparsely(record):
        return None
    if record["kind"] == "sparse":
        return lambda name, shape, kept: True
    costs, tokens = BreakEven.from_plain(record["costs"]), round(record["length"] * config.batch_size)
    return lambda name, shape, kept: costs.best(shape, kept, tokens) == "sparse"


def _trouble(model: nn.Module) -> str | None:
    """Why the matrices of a model cannot be computed sparsely here; None if they can."""
    if device().type != "cpu":
        return f"the kernels run on a CPU, and models train on {device()}"
    shared = [id(parameter) for _, parameter in model.named_parameters(remove_duplicate=False)]
    for name, weight in prunable(model).items():
        module = model.get_submodule(name.removesuffix(".weight"))
        if type(module) is not nn.Linear:
            return f"the kernels support linear layers, and {name} belongs to a {type(module).__name__}"
        if shared.count(id(weight)) > 1:
            return f"{name} is shared by several layers"
    return None


def _unsupported() -> str | None:
    return None if supported() else "the kernels do not work on this processor"
