"""The time of a forward pass of a run's model, compared to common alternatives on a CPU."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from workbench.analysis.speed import REFERENCE, speed_table
from workbench.errors import BadInput, Failed
from workbench.execution.environment import machine, machine_text
from workbench.execution.latency import milliseconds_in_turns
from workbench.files import write_json
from workbench.inference.contestants import Contestant, contestants
from workbench.inference.sparse_model import dense_model
from workbench.models import load_tokenizer
from workbench.randomness import torch_generator
from workbench.runs import Run
from workbench.tasks import modality
from workbench.training import device, progress_bar

BATCHES, LENGTHS = (1, 8, 32), (32, 128)


def measure_speed(
    run: Run, batches: Sequence[int] = BATCHES, lengths: Sequence[int] = LENGTHS
) -> dict[str, Any]:
    """Times forward passes of a complete run's model in torch, with our sparse layers, and in other forms.

    All forms take turns in this process, with as many threads as torch uses. Before anything is timed, the
    logits of each are compared with those of torch in float32. The inputs are random tokens without padding.

    Args:
        run: the run; the result is also saved in its folder, for its report, and replaces an earlier one.
        batches: examples in a batch.
        lengths: tokens in an example.

    Returns:
        `machine`, `sparsity` of the mask, and `rows`: for each batch, length and contestant the
        `milliseconds`, the `bytes` of the weights as they are stored, and the `largest_difference` of a logit
        from float32 in torch.

    Raises:
        BadInput: the run is not complete or has images, models run on another device than the CPU, or a
            batch or a length is not possible; nothing was measured.
        Failed: the logits of a form differ by more than rounding.
    """
    run.check()
    if device().type != "cpu":
        raise BadInput(f"speed is measured on a CPU, but models run on {device()} here. Hide the device.")
    if modality(run.spec.task) != "text":
        raise BadInput(
            f"speed is measured on texts, and run {run.name} has images. Choose a run of a text encoder."
        )
    model, mask = dense_model(run), run.mask()
    _check(batches, lengths, _longest(run, model))
    rows = []
    total = len(batches) * len(lengths)
    with contestants(model, mask) as forms, progress_bar("speed", total, unit="shape") as bar:
        for batch in batches:
            for length in lengths:
                rows += _measured(forms, _inputs(model, batch, length), (batch, length))
                bar.update()
    result = {"machine": machine(), "sparsity": mask.sparsity, "rows": rows}
    write_json(run.folder.speed, result)
    return result


def speed_text(result: dict[str, Any]) -> str:
    """The result of `measure_speed` as text: the machine, then a row for each form."""
    table: pd.DataFrame = speed_table(result)
    about = f"sparsity {result['sparsity']:.4g}, milliseconds by batch x length"
    text = table.to_string(index=False, float_format="{:.4g}".format)
    return f"{machine_text(result['machine'])}\n{about}\n\n{text}"


@torch.inference_mode()
def _measured(
    forms: dict[str, Contestant], inputs: dict[str, Tensor], shape: tuple[int, int]
) -> list[dict[str, Any]]:
    expected = forms[REFERENCE].run(inputs)
    differences = {name: _difference(name, form, inputs, expected) for name, form in forms.items()}
    times = milliseconds_in_turns({name: lambda form=form: form.run(inputs) for name, form in forms.items()})
    return [
        {
            "batch": shape[0],
            "length": shape[1],
            "contestant": name,
            "milliseconds": times[name],
            "bytes": form.bytes,
            "largest_difference": differences[name],
        }
        for name, form in forms.items()
    ]


def _difference(name: str, form: Contestant, inputs: dict[str, Tensor], expected: Tensor) -> float:
    """The largest difference of a logit.

    Raises:
        Failed: it exceeds the contestant's tolerance.
    """
    difference = (form.run(inputs) - expected).abs().max().item()
    scale = max(1.0, expected.abs().max().item())
    allowed = float("inf") if form.tolerance is None else form.tolerance * scale
    if not difference <= allowed:
        raise Failed(
            f"a logit of {name} differs from that of {REFERENCE} by {difference:.3g}, and {allowed:.3g} is "
            "allowed. Nothing was measured; report this with the run's spec."
        )
    return difference


def _inputs(model: nn.Module, batch: int, length: int) -> dict[str, Tensor]:
    rng = torch_generator("speed", batch, length)
    ids = torch.randint(model.config.vocab_size, (batch, length), generator=rng)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def _longest(run: Run, model: nn.Module) -> int:
    """The largest number of tokens; RoBERTa's positions begin after its padding token."""
    longest = model.config.max_position_embeddings
    if "roberta" in model.config.model_type:
        longest -= model.config.pad_token_id + 1
    return min(longest, load_tokenizer(str(run.folder.model)).model_max_length)


def _check(batches: Sequence[int], lengths: Sequence[int], longest: int) -> None:
    for name, values in (("batch", batches), ("length", lengths)):
        if not values:
            raise BadInput(f"no {name} is given. Give at least one, such as {name}=32.")
        if min(values) < 1:
            raise BadInput(f"{name} is {min(values)}. Give at least 1.")
    if max(lengths) > longest:
        raise BadInput(f"length is {max(lengths)}, and this model takes at most {longest} tokens.")
