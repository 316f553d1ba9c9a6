"""The prunable weights of a model, without the model."""

from pathlib import Path

import psutil
import torch
from transformers import AutoConfig, AutoModel

from workbench.errors import BadInput
from workbench.models.anatomy import prunable
from workbench.models.library import errors_as_bad_input, only_local, quiet
from workbench.models.loading import load_encoder
from workbench.models.location import UNTRAINED, locate


def load_weights(model_id: str) -> dict[str, torch.Tensor]:
    """Loads the prunable weights of a pretrained model: float32, by parameter name, as in `prunable`.

    Args:
        model_id: see `locate`.

    Raises:
        BadInput: as `load_encoder`; also, before anything is read, if the model does not fit into memory.
    """
    needed, free = parameter_bytes(model_id), psutil.virtual_memory().available
    if needed > free:
        raise BadInput(
            f"model {model_id} takes {needed / 1e9:.1f} GB of memory in float32, but only {free / 1e9:.1f} "
            "GB are free. Nothing was loaded: choose a smaller model, or free some memory."
        )
    return {name: weight.detach() for name, weight in prunable(load_encoder(model_id, 2, 0)).items()}


def parameter_bytes(model_id: str) -> int:
    """The float32 size of a model's parameters without its head, computed from its configuration.

    Raises:
        BadInput: as `locate`, or the configuration cannot be read.
    """
    source = locate(model_id)
    if source in UNTRAINED:
        return 0
    if Path(source).is_file():
        return Path(source).stat().st_size
    with quiet(), errors_as_bad_input(f"model {model_id}"), torch.device("meta"):
        config = AutoConfig.from_pretrained(source, local_files_only=only_local())
        return 4 * sum(parameter.numel() for parameter in AutoModel.from_config(config).parameters())
