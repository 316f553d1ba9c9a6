"""How many processes a run is given to train stages side by side, and whether memory is enough for them."""

import os
import sys

import psutil
from torch import nn

from workbench.errors import BadInput
from workbench.training import device
from workbench.training.data import TaskData

# The interpreter with its libraries, and the activations of a batch.
_BASE_BYTES = 900 << 20
# Weights, gradients, two moments, a teacher, and what a checkpoint or a mean needs for a moment.
_COPIES = 8
# Of an example: a token's id and type; two arrays for each of them.
_TOKEN_BYTES, _EXAMPLE_BYTES = 5, 250


def check_jobs(jobs: int) -> None:
    """Rejects a number of processes below 1, before anything is loaded."""
    if jobs < 1:
        raise BadInput(f"jobs is {jobs}. Give at least 1, and at most the number of cores, {os.cpu_count()}.")


def settled_jobs(jobs: int, widest: int, data: TaskData, model: nn.Module) -> int:
    """The number of processes that a run can use; 1 if everything happens in this process.

    Args:
        jobs: the number that was asked for, at least 1.
        widest: the most stages of the run that do not depend on each other.
        data: the task.
        model: the student.

    Raises:
        BadInput: more processes than there is memory for by a rough estimate, or several where models do not
            train on a CPU.
    """
    if jobs == 1:
        return 1
    if device().type != "cpu":
        raise BadInput(
            f"{jobs} jobs share the cores of a CPU, and models train on {device()}. Leave jobs out."
        )
    if widest < 2:
        print(f"this run trains nothing side by side; jobs={jobs} changes nothing", file=sys.stderr)
        return 1
    used, each, free = min(jobs, widest), process_bytes(data, model), psutil.virtual_memory().available
    if used * each > free:
        most = max(1, free // each)
        raise BadInput(
            f"{used} processes need about {used * each / 1e9:.1f} GB of memory, {each / 1e9:.1f} GB each, "
            f"and {free / 1e9:.1f} GB are free. Give jobs={most}, or free some memory."
        )
    return used


def process_bytes(data: TaskData, model: nn.Module) -> int:
    """A rough estimate of the memory of one process that trains a model."""
    weights = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    splits = (data.train, data.validation, *data.dev.values())
    examples = sum(_TOKEN_BYTES * int(split.lengths.sum()) + _EXAMPLE_BYTES * len(split) for split in splits)
    return _BASE_BYTES + _COPIES * weights + examples
