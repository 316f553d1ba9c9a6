"""The common ways to run an encoder on a CPU, each as a function of a batch."""

import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from workbench.analysis.speed import REFERENCE
from workbench.compute import supported
from workbench.extras import has_extra
from workbench.inference.sparse_model import sparse_model
from workbench.masks import Mask
from workbench.training import detect_precision

OURS = "workbench"


@dataclass(frozen=True)
class Contestant:
    """A model in one form.

    Attributes:
        run: maps the inputs by name to float32 logits.
        bytes: size of its weights as stored in a file.
        tolerance: the largest allowed difference of a logit from the reference, as a share of the largest
            logit; None for quantised weights, with which any difference is possible.
    """

    run: Callable[[Mapping[str, Tensor]], Tensor]
    bytes: int
    tolerance: float | None


@contextmanager
def contestants(model: nn.Module, mask: Mask, *, onnx: bool = True) -> Iterator[dict[str, Contestant]]:
    """A model in all forms that work here, by name, the float32 one first.

    Args:
        model: a float32 classifier in eval mode, on the CPU.
        mask: its kept weights.
        onnx: whether to include ONNX Runtime, if it is installed.
    """
    half = detect_precision() == "bf16"
    # In bfloat16 every layer rounds its output to eight bits; the error of the logits was up to 2 %.
    forms = {REFERENCE: _of_torch(model, 1e-3)}
    if half:
        forms["torch bf16"] = _of_torch(deepcopy(model).to(torch.bfloat16), 0.1)
    forms["torch CSR fp32"] = _of_torch(_with_csr(model, mask), 1e-3)
    if supported():
        forms[f"{OURS} fp32"] = _of_torch(sparse_model(model, mask), 1e-3)
        if half:
            forms[f"{OURS} bf16"] = _of_torch(sparse_model(model, mask, dtype=torch.bfloat16), 0.1)
    if not (onnx and has_extra("onnx")):
        yield forms
        return
    from workbench.inference.onnx_runtime import onnx_sessions

    with tempfile.TemporaryDirectory(prefix="workbench-speed-") as folder:
        sessions = onnx_sessions(model, Path(folder))
        for (name, (run, size)), tolerance in zip(sessions.items(), (1e-3, None), strict=True):
            forms[name] = Contestant(run, size, tolerance)
        yield forms


def _of_torch(model: nn.Module, tolerance: float) -> Contestant:
    tensors = [*model.state_dict().values()]

    def run(inputs: Mapping[str, Tensor]) -> Tensor:
        return model(**inputs).logits.float()

    return Contestant(run, sum(map(_bytes, tensors)), tolerance)


def _bytes(tensor: Tensor) -> int:
    if tensor.layout == torch.sparse_csr:
        return sum(map(_bytes, (tensor.crow_indices(), tensor.col_indices(), tensor.values())))
    return tensor.numel() * tensor.element_size()


class _CSRLinear(nn.Module):
    """A linear layer with a matrix in torch's CSR format."""

    def __init__(self, linear: nn.Linear):
        super().__init__()
        dense = linear.weight.detach().to_sparse_csr()
        # The library behind the product takes indices of 32 bits.
        indices = dense.crow_indices().int(), dense.col_indices().int()
        matrix = torch.sparse_csr_tensor(*indices, dense.values(), dense.shape, check_invariants=False)
        self.register_buffer("matrix", matrix)
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        y = (self.matrix @ x.reshape(-1, x.shape[-1]).T).T
        y = y if self.bias is None else y + self.bias
        return y.reshape(*x.shape[:-1], -1)


def _with_csr(model: nn.Module, mask: Mask) -> nn.Module:
    model = deepcopy(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the format is called a beta version
        for name in mask:
            module = name.removesuffix(".weight")
            model.set_submodule(module, _CSRLinear(model.get_submodule(module)))
    return model
