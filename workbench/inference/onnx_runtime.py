"""An encoder in ONNX Runtime, with float32 weights and with dynamically quantised weights."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from workbench.exports.onnx import convert


def onnx_sessions(
    model: nn.Module, folder: Path
) -> dict[str, tuple[Callable[[Mapping[str, Tensor]], Tensor], int]]:
    """By name, a function from inputs to logits and the bytes of its model's files.

    Args:
        model: a float32 classifier in eval mode.
        folder: the folder for the files, which the sessions need.
    """
    plain, quantised = folder / "fp32.onnx", folder / "int8.onnx"
    ids = torch.ones((2, 8), dtype=torch.int64)
    convert(model, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}, plain)
    log = logging.getLogger()
    level = log.level
    log.setLevel(logging.ERROR)  # advice to preprocess, which changes neither outputs nor times here
    try:
        quantize_dynamic(plain, quantised, weight_type=QuantType.QInt8)
    finally:
        log.setLevel(level)
    paths = {"ONNX Runtime fp32": plain, "ONNX Runtime int8": quantised}
    return {name: (_session(path), _size(path)) for name, path in paths.items()}


def _session(path: Path) -> Callable[[Mapping[str, Tensor]], Tensor]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    # Its threads would otherwise spin after a call, on the cores of whoever is timed next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(inputs: Mapping[str, Tensor]) -> Tensor:
        (logits,) = session.run(["logits"], {name: tensor.numpy() for name, tensor in inputs.items()})
        return torch.from_numpy(logits)

    return run


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
