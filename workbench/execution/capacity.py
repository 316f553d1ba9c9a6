"""Whether a run can use processes that train stages in parallel, and whether there is enough memory."""

import os
import sys

import numpy as np
import psutil
from torch import nn

from workbench.errors import BadInput
from workbench.models import activation_bytes
from workbench.training import device, free_gpu_memory
from workbench.training.data import TaskData
from workbench.training.parts import extent

# The interpreter with its libraries, and the activations of a batch.
_BASE_BYTES = 900 << 20
# CUDA's context on the GPU, and the workspaces of its libraries.
_GPU_BASE_BYTES = 1 << 30
# Weights, gradients, two moments, a teacher, and what a checkpoint or a mean needs for a moment.
_COPIES = 8
# Of an example: a token's id and type; two arrays for each of them.
_TOKEN_BYTES, _EXAMPLE_BYTES = 5, 250


def check_jobs(jobs: int | None) -> None:
    """Rejects a number of processes below 1, before anything is loaded."""
    if jobs is not None and jobs < 1:
        raise BadInput(f"jobs is {jobs}. Give at least 1, and at most the number of cores, {os.cpu_count()}.")


def trains_in_parallel(widest: int, requested: str) -> bool:
    """Whether a run has stages that can be trained in parallel; prints a message if not.

    Args:
        widest: the largest number of stages of the run that do not depend on each other.
        requested: the option that has no effect then.
    """
    if widest < 2:
        print(f"this run trains nothing in parallel; {requested} has no effect", file=sys.stderr)
    return widest > 1


def check_memory(processes: int, batch_size: int, data: TaskData, model: nn.Module) -> None:
    """Rejects more parallel processes than this machine has memory for.

    Args:
        processes: their number.
        batch_size: examples in a step.
        data: the task.
        model: the student.

    Raises:
        BadInput: by a rough estimate, there is too little memory; or models train neither on a CPU nor on a
            CUDA device.
    """
    kind = device().type
    if kind not in ("cpu", "cuda"):
        raise BadInput(
            f"several jobs need a CPU or a CUDA device, but models train on {device()}. Leave jobs out."
        )
    _check_memory(processes, process_bytes(data, model), psutil.virtual_memory().available, "memory")
    if kind == "cuda":
        # This process holds the student and the dense model, too.
        free = free_gpu_memory() - _GPU_BASE_BYTES - 2 * _weight_bytes(model)
        _check_memory(processes, gpu_process_bytes(data, model, batch_size), max(0, free), "the GPU's memory")


def process_bytes(data: TaskData, model: nn.Module) -> int:
    """A rough estimate of the memory of one process that trains a model."""
    splits = (data.train, data.validation, *data.dev.values())
    examples = sum(_TOKEN_BYTES * int(split.lengths.sum()) + _EXAMPLE_BYTES * len(split) for split in splits)
    return _BASE_BYTES + _COPIES * _weight_bytes(model) + examples


def gpu_process_bytes(data: TaskData, model: nn.Module, batch_size: int) -> int:
    """A rough estimate of the GPU memory of one process that trains a model, with its longest batch."""
    longest = np.argsort(data.train.lengths)[-batch_size:]
    batch = data.train.collate(longest)
    return _GPU_BASE_BYTES + _COPIES * _weight_bytes(model) + activation_bytes(model, *extent(batch))


def _weight_bytes(model: nn.Module) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())


def _check_memory(used: int, each: int, free: int, what: str) -> None:
    if used * each > free:
        most = max(1, free // each)
        raise BadInput(
            f"{used} processes need about {used * each / 1e9:.1f} GB of {what}, {each / 1e9:.1f} GB each, "
            f"and {free / 1e9:.1f} GB are free. Give jobs={most}, or free some memory."
        )
