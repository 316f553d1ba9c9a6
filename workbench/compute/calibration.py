"""Measures the costs of dense and sparse layers on this machine, and caches them."""

import contextlib
import copy
import hashlib
import json
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import scipy
import torch
from torch import nn

from workbench.compute.break_even import BreakEven, dense_terms, sparse_terms
from workbench.compute.kernels.target import STAMP
from workbench.compute.layers import SparseLinear
from workbench.compute.support import supported
from workbench.errors import WorkbenchError
from workbench.files import read_json, write_json
from workbench.randomness import torch_generator

_SHAPES = ((256, 256), (1536, 384), (384, 1536))
_TOKENS = (32, 256, 1024)
_SPARSITIES = (0.6, 0.95)
_ROUNDS = 7
# Raise this when the measurement changes.
_METHOD = 3


def measured_break_even(dtype: torch.dtype = torch.bfloat16) -> BreakEven:
    """The costs of layers on this machine with torch's current number of threads.

    They are measured once, in a few seconds (more if kernels must be compiled first), and kept in the user's
    cache folder, by processor, threads and versions.
    """
    path = cache_folder() / f"break-even-{_key(dtype)}.json"
    if (kept := _read(path)) is not None:
        return kept
    found = calibrate(dtype)
    if (kept := _read(path)) is not None:  # by another process: all use the same costs
        return kept
    with contextlib.suppress(WorkbenchError):  # nothing but time is lost
        write_json(path, {"dtype": found.dtype, "dense": found.dense, "sparse": found.sparse})
    return found


def _read(path: Path) -> BreakEven | None:
    """The cached costs; None if there are none, or if they are damaged."""
    try:
        return BreakEven.from_plain(read_json(path))
    except (OSError, WorkbenchError, KeyError, TypeError, AttributeError):
        return None


def cache_folder() -> Path:
    """The folder for measurements that are made once for each user and machine."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pruning-workbench"


def calibrate(dtype: torch.dtype) -> BreakEven:
    """Times layers of a few shapes, sparsities and batch sizes, and fits the cost of each term."""
    dense: dict[str, list] = {"forward": [], "step": []}
    sparse: dict[str, list] = {"forward": [], "step": []}
    for shape in _SHAPES:
        layers = _layers(shape)
        inferring = [copy.deepcopy(layers[0]).to(dtype), *layers[1:]]
        for tokens in _TOKENS:
            x = torch.randn(tokens, shape[1], generator=torch_generator("calibration", "x")).to(dtype)
            for kind, run, of in (("forward", _forward, inferring), ("step", _step, layers)):
                seconds = _in_turns([lambda layer=layer, run=run, x=x: run(layer, x) for layer in of])
                dense[kind].append((dense_terms(shape, tokens), seconds[0]))
                for layer, taken in zip(layers[1:], seconds[1:], strict=True):
                    sparse[kind].append((sparse_terms(shape, layer.structure.kept, tokens), taken))
    fitted = [{kind: _fit(points) for kind, points in both.items() if points} for both in (dense, sparse)]
    return BreakEven(str(dtype).removeprefix("torch."), *fitted)


def _layers(shape: tuple[int, int]) -> list[nn.Module]:
    linear = nn.utils.skip_init(nn.Linear, shape[1], shape[0])
    with torch.no_grad():
        for parameter in linear.parameters():
            parameter.normal_(generator=torch_generator("calibration", "weights"))
    if not supported():
        return [linear]
    drawn = torch.rand(shape, generator=torch_generator("calibration", "mask"))
    return [linear, *(SparseLinear.of(linear, drawn >= sparsity) for sparsity in _SPARSITIES)]


@torch.inference_mode()
def _forward(layer: nn.Module, x: torch.Tensor) -> None:
    layer(x)


def _step(layer: nn.Module, x: torch.Tensor) -> None:
    x = x.detach().requires_grad_(True)
    with torch.autocast("cpu", torch.bfloat16, enabled=x.dtype == torch.bfloat16):
        y = layer(x)
    y.backward(torch.ones_like(y))
    layer.zero_grad()


def _in_turns(work: list[Callable[[], None]]) -> list[float]:
    """The least seconds of each function, after one warm-up call.

    What else runs on the machine only adds to them, and the costs are kept for good.
    """
    seconds: list[list[float]] = [[] for _ in work]
    for turn in range(_ROUNDS + 1):
        for taken, function in zip(seconds, work, strict=True):
            begun = time.perf_counter()
            function()
            if turn:
                taken.append(time.perf_counter() - begun)
    return [min(taken) for taken in seconds]


def _fit(points: list[tuple[tuple[float, ...], float]]) -> tuple[float, ...]:
    """The nonnegative factors with the least squared relative error."""
    terms = np.array([terms for terms, _ in points]) / np.array([[seconds] for _, seconds in points])
    scale = terms.max(axis=0)
    factors, _ = scipy.optimize.nnls(terms / scale, np.ones(len(points)))
    return tuple((factors / scale).tolist())


def _key(dtype: torch.dtype) -> str:
    """A digest of what the costs depend on: processor, threads, versions, kernels."""
    versions = [version(name) for name in ("torch", "numba", "llvmlite")]
    machine = [platform.machine(), _processor(), llvm.get_host_cpu_features().flatten(), os.cpu_count()]
    parts = [_METHOD, str(dtype), torch.get_num_threads(), STAMP, *versions, *machine]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return next((line for line in lines if line.startswith("model name")), llvm.get_host_cpu_name())
