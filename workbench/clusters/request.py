"""What a run or one of its workers requests from a node of a cluster, and its variables there."""

import os
from typing import Annotated, ClassVar

from pydantic import Field

from workbench.errors import BadInput
from workbench.settings import Count, NonNegative, Positive, settings

# The variables that tell a run where its code, data and models are. Tokens are not sent, because a batch
# system stores the variables in files on the store.
_VARIABLES, _SECRET = ("PYTHONPATH", "WORKBENCH_", "HF_", "TRANSFORMERS_"), "_TOKEN"


@settings
class Request:
    """The resources that a run, or a worker that trains stages of a run, requests from a node.

    Attributes:
        cpus: cores and torch threads.
        gpus: GPUs, or a share of one.
        memory: GiB of memory; None for no request.
        retries: how often it is restarted after its process or node died.
    """

    label: ClassVar[str] = "a run on a cluster"

    cpus: Count = 1
    gpus: NonNegative = 0.0
    memory: Positive | None = None
    retries: Annotated[int, Field(ge=0)] = 3

    def __post_init__(self):
        if self.gpus > 1 and self.gpus != int(self.gpus):
            raise BadInput(f"gpus is {self.gpus:g}; give a share of one GPU, or a whole number of them.")

    def __str__(self) -> str:
        parts = [_count(self.cpus, "CPU")]
        parts += [_count(self.gpus, "GPU")] if self.gpus else []
        parts += [f"{self.memory:g} GiB of memory"] if self.memory else []
        return ", ".join(parts)


def thread_variables(threads: int) -> dict[str, str]:
    """The environment variables that set the number of torch threads of a process."""
    return dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))


def node_variables(threads: int) -> dict[str, str]:
    """The environment variables of a process on a node: those of this process that runs depend on.

    Args:
        threads: number of torch threads.
    """
    variables = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_VARIABLES) and not name.endswith(_SECRET)
    }
    return variables | thread_variables(threads)


def _count(number: float, unit: str) -> str:
    return f"{number:g} {unit}{'' if number == 1 else 's'}"
