"""The time of a forward pass, measured because neither zeros nor bytes predict it."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median

import torch
from torch import Tensor, nn

from workbench.execution.models import RunModels
from workbench.runs.states import StageState
from workbench.training import autocast, model_inputs, moved
from workbench.training.data import TaskData

_EXAMPLES = 32
_ROUNDS = 9
# Enough for a median of small models; a large one is measured as often as fits, at least three times.
_SECONDS = 3.0


def forward_latency(
    models: RunModels, data: TaskData, state: StageState, key: tuple[str | int, ...], precision: str
) -> dict[str, float]:
    """Milliseconds of a forward pass of the "pruned" student and of the "dense" model.

    Args:
        models: of the run.
        data: the task.
        state: the weights of the student.
        key: selects the training examples; the result has their number as "examples".
        precision: "fp32" or "bf16".
    """
    batch = data.batch(0, _EXAMPLES, key)
    contenders = {"pruned": models.load(state), "dense": models.dense}
    return {"examples": len(batch["labels"]), **forward_milliseconds(contenders, batch, precision)}


@torch.inference_mode()
def forward_milliseconds(
    models: Mapping[str, nn.Module], batch: Mapping[str, Tensor], precision: str
) -> dict[str, float]:
    """The median time of a forward pass of each model (see `milliseconds_in_turns`).

    Args:
        models: by name, on one device. They are left in eval mode.
        batch: the input of each; labels and indices are left out.
        precision: "fp32" or "bf16".
    """
    device = next(next(iter(models.values())).parameters()).device
    inputs = moved(model_inputs(batch), device)

    def forward(model: nn.Module) -> None:
        with autocast(device, precision):
            model(**inputs).logits.sum().item()  # waits for the accelerator

    return milliseconds_in_turns({name: partial(forward, model.eval()) for name, model in models.items()})


def milliseconds_in_turns(work: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """The median time of each function, measured in turns so that a busy computer slows all of them equally.

    The first call of each, which allocates and may compile, is not counted. There are nine rounds, or fewer,
    but at least three, if they would take more than a few seconds.
    """
    times: dict[str, list[float]] = {name: [] for name in work}
    for function in work.values():
        function()
    deadline = time.perf_counter() + _SECONDS
    for turn in range(1, 1 + _ROUNDS):
        for name in list(work)[:: -1 if turn % 2 else 1]:
            begun = time.perf_counter()
            work[name]()
            times[name].append(1000 * (time.perf_counter() - begun))
        if turn >= 3 and time.perf_counter() > deadline:
            break
    return {name: median(values) for name, values in times.items()}
