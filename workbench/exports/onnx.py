"""ONNX export, with outputs and zeros checked and without traces of this machine."""

import logging
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from workbench.errors import Failed
from workbench.exports.model_files import copy_model
from workbench.masks import Mask
from workbench.models import load_encoder, load_image_processor, load_tokenizer, prunable
from workbench.models.library import quiet
from workbench.runs import Run
from workbench.tasks import Preprocessing, Task, decode, encode, load_task

TOLERANCE = 1e-4
# Examples in each batch; the export sees the first alone, the others differ from it in size and length.
_BATCHES = (2, 5, 32)
# Protocol buffers end at 2 GB.
_ONE_FILE_BYTES = 1_900_000_000


def write_onnx(run: Run, folder: Path) -> dict:
    """Writes `model.onnx`, with dynamic batch and length, and configuration and tokenizer.

    Returns:
        `largest_difference` of a logit from torch's, on how many dev `examples`; and the `zeros` counted.

    Raises:
        BadInput: the task's data cannot be loaded.
        Failed: torch cannot export this architecture, the outputs differ by more than `TOLERANCE`, or a zero
            of a pruned matrix is missing.
    """
    task = load_task(run.spec.task)
    model = load_encoder(str(run.folder.model), task.num_outputs, run.spec.seed).eval()
    batches = _batches(run, task)
    convert(model, batches[0], folder / "model.onnx")
    copy_model(run, folder, weights=False)
    return {
        "largest_difference": _compared(model, folder / "model.onnx", batches),
        "examples": sum(len(next(iter(batch.values()))) for batch in batches),
        "zeros": _zeros_found(model, run.mask(), folder / "model.onnx"),
    }


@contextmanager
def _silence() -> Iterator[None]:
    """Keeps the exporter from reporting operators of packages that are not used."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


class _Logits(nn.Module):
    """A model as a function of tensors in a fixed order."""

    def __init__(self, model: nn.Module, names: tuple[str, ...]):
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.model(**dict(zip(self.names, inputs, strict=True))).logits


def _batches(run: Run, task: Task) -> list[dict[str, Tensor]]:
    """Inputs from the first dev split."""
    frame = next(iter(task.dev.values())).head(sum(_BATCHES))
    if task.modality == "images":
        processor = load_image_processor(str(run.folder.model))
        examples = decode(task, frame, Preprocessing.of(processor))
    else:
        examples = encode(task, frame, load_tokenizer(str(run.folder.model)))
    chosen = np.split(np.arange(len(examples)), np.cumsum(_BATCHES)[:-1])
    batches = [examples.collate(indices) for indices in chosen if len(indices)]
    return [{name: tensor for name, tensor in batch.items() if name != "labels"} for batch in batches]


def convert(model: nn.Module, inputs: dict[str, Tensor], path: Path) -> None:
    """Writes a classifier as an ONNX model from its inputs to "logits", with dynamic batch and length.

    Args:
        model: a classifier in eval mode, on the CPU.
        inputs: an example of its inputs, by name.
        path: the file.

    Raises:
        Failed: torch cannot export this architecture.
    """
    axes = {0: torch.export.Dim.DYNAMIC}
    if "input_ids" in inputs:
        axes[1] = torch.export.Dim.DYNAMIC
    size = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    try:
        with _silence(), torch.inference_mode():
            program = torch.onnx.export(
                _Logits(model, tuple(inputs)).eval(),
                tuple(inputs.values()),
                input_names=list(inputs),
                output_names=["logits"],
                dynamic_shapes=(tuple(axes for _ in inputs),),
                dynamo=True,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = str(error).strip().split("\n")[0]
        raise Failed(
            f"torch cannot export {type(model).__name__}: {reason}. Choose another format."
        ) from error
    # The exporter notes the files of the Python that ran it.
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()
    program.save(str(path), external_data=size > _ONE_FILE_BYTES)


@torch.inference_mode()
def _compared(model: nn.Module, path: Path, batches: list[dict[str, Tensor]]) -> float:
    """The largest difference of a logit."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    largest = 0.0
    for batch in batches:
        (found,) = session.run(["logits"], {name: tensor.numpy() for name, tensor in batch.items()})
        largest = max(largest, float(np.abs(found - model(**batch).logits.numpy()).max()))
    if not largest <= TOLERANCE:
        raise Failed(
            f"the ONNX model's outputs differ from torch's by up to {largest:.3g}, and {TOLERANCE} is "
            "allowed. Nothing was exported; report this with the run's spec."
        )
    return largest


def _zeros_found(model: nn.Module, mask: Mask, path: Path) -> int:
    """Zeros of the pruned matrices in the file.

    The exporter renames and transposes matrices, so they are known by their shape and number of zeros.
    """
    stored = Counter()
    for tensor in onnx.load(path).graph.initializer:
        values = numpy_helper.to_array(tensor)
        stored[_signature(values)] += 1
    wanted = {
        name: _signature(weight.detach().numpy()) for name, weight in prunable(model).items() if name in mask
    }
    if lost := Counter(wanted.values()) - stored:
        name = next(name for name, signature in wanted.items() if signature in lost)
        raise Failed(
            f"the ONNX model has no matrix of the shape and the {wanted[name][1]} zeros of {name}. Nothing "
            "was exported; report this with the run's spec."
        )
    return sum(zeros for _, zeros in wanted.values())


def _signature(values: np.ndarray) -> tuple[tuple[int, ...], int]:
    return tuple(sorted(values.shape)), int(values.size - np.count_nonzero(values))
