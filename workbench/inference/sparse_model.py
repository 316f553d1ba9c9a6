"""A classifier that computes only with its kept weights."""

from copy import deepcopy
from pathlib import Path
from typing import Literal

import torch
from torch import nn
from transformers import AutoConfig, PreTrainedConfig

from workbench.compute import SparseLinear, densify_, measured_break_even, sparse_mask
from workbench.compute.sparsify import Choice
from workbench.errors import BadInput, unknown
from workbench.masks import Mask
from workbench.models import is_sparse_folder, load_encoder, load_sparse, prunable, sparsify_encoder_
from workbench.models.anatomy import RESNETS
from workbench.runs import Run

COMPUTE = ("auto", "sparse")


def sparse_model(
    source: nn.Module | Run | str | Path,
    mask: Mask | None = None,
    *,
    dtype: torch.dtype = torch.float32,
    compute: Literal["auto", "sparse"] = "auto",
    tokens: int = 128,
) -> nn.Module:
    """Returns the classifier with sparse layers: the same call, and the same outputs up to rounding.

    Sparse layers store and multiply only their kept weights; weights and sums are float32.

    Args:
        source: a complete run or its folder; a folder that `save_sparse` or the export `sparse` wrote; or an
            encoder with its head, which is not changed.
        mask: the kept weights, only if the source is a model; by default the nonzero weights of its prunable
            matrices.
        dtype: the format of everything else, including activations and outputs: float32 or bfloat16.
        compute: "sparse" makes every layer of the mask sparse; "auto" only those that are then faster,
            according to the costs of layers on this machine with torch's current number of threads, which
            are measured once, in seconds.
        tokens: for "auto", the number of tokens in a typical batch, including padding.

    Returns:
        The model in eval mode, on the CPU.

    Raises:
        BadInput: the run is not complete, the folder does not exist, the model is on another device or has
            prunable weights outside linear layers, the mask belongs to another model, or `dtype` or
            `compute` has another value.
    """
    if dtype not in (torch.float32, torch.bfloat16):
        raise BadInput(f"sparse models compute in float32 or bfloat16, not in {dtype}. Give one of these.")
    choose = _choice(dtype, compute, tokens)
    if not isinstance(source, nn.Module):
        if mask is not None:
            raise BadInput(f"{source} has a mask of its own. Give a mask with a model only.")
        return _cast(_stored(source, choose), dtype)
    model = deepcopy(source)
    if mask is None:
        mask = Mask.from_tensors({name: weight.detach() != 0 for name, weight in prunable(model).items()})
    sparsify_encoder_(model, mask, choose=choose)
    return _cast(model.eval(), dtype)


def dense_model(run: Run) -> nn.Module:
    """Returns the float32 classifier of a complete run, with its zeros, in eval mode.

    Raises:
        BadInput: the run is not complete, has lost its model, or prunes convolutions.
    """
    run.check()
    if not run.folder.model_weights.is_file():
        raise BadInput(f"run {run.name} has lost its model. Delete the run's folder and make the run again.")
    folder = run.folder.model
    plain, _ = PreTrainedConfig.get_config_dict(folder, local_files_only=True)
    if plain.get("model_type") in RESNETS:
        raise BadInput(
            f"sparse layers replace linear layers, but the model of run {run.name} has convolutions. "
            "Choose a run of an encoder."
        )
    outputs = AutoConfig.from_pretrained(folder, local_files_only=True).num_labels
    return load_encoder(str(folder), outputs, run.spec.seed, run.spec.prunable).eval()


def _choice(dtype: torch.dtype, compute: str, tokens: int) -> Choice | None:
    """Which matrices become sparse; None for all."""
    if compute not in COMPUTE:
        raise unknown("compute", compute, COMPUTE)
    if tokens < 1:
        raise BadInput(f"tokens is {tokens}. Give at least 1.")
    if compute == "sparse":
        return None
    costs = measured_break_even(dtype)
    return lambda name, shape, kept: costs.best(shape, kept, tokens, training=False) == "sparse"


def _stored(source: Run | str | Path, choose: Choice | None) -> nn.Module:
    if not isinstance(source, Run) and is_sparse_folder(source):
        model = load_sparse(source)
        mask = sparse_mask(model)
        if mask and choose:
            sparsify_encoder_(densify_(model), mask, choose=choose)
        return model
    run = source if isinstance(source, Run) else Run(source)
    model = dense_model(run)
    sparsify_encoder_(model, run.mask(), choose=choose)
    return model


def _cast(model: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Converts everything but sparse layers, whose kernels need float32 weights, to a format."""
    for module in model.modules():
        if not isinstance(module, SparseLinear):
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.to(dtype)
    return model
