"""The prunable weights of a model, for looking at them alone."""

from pathlib import Path

import psutil
import torch
from transformers import AutoConfig, AutoModel

from workbench.errors import BadInput
from workbench.models.anatomy import prunable
from workbench.models.loading import load_encoder
from workbench.models.location import UNTRAINED, locate, only_local, told_as_bad_input
from workbench.models.quiet import quiet


def load_weights(model_id: str) -> dict[str, torch.Tensor]:
    """The prunable weights of a pretrained model by parameter name, float32, as `prunable` has them.

    Args:
        model_id: see `locate`.

    Raises:
        BadInput: as `load_encoder`, or, before anything is read, a model that the memory cannot hold.
    """
    needed, free = parameter_bytes(model_id), psutil.virtual_memory().available
    if needed > free:
        raise BadInput(
            f"model {model_id} takes {needed / 1e9:.1f} GB of memory in float32 and {free / 1e9:.1f} GB are "
            "free. Nothing was loaded: choose a smaller model, or close what else uses memory."
        )
    return {name: weight.detach() for name, weight in prunable(load_encoder(model_id, 2, 0)).items()}


def parameter_bytes(model_id: str) -> int:
    """What the parameters of a model without its head take in float32, told by its configuration alone.

    Raises:
        BadInput: as `locate`, or a configuration that cannot be read.
    """
    source = locate(model_id)
    if source in UNTRAINED:
        return 0
    if Path(source).is_file():
        return Path(source).stat().st_size
    with quiet(), told_as_bad_input(f"model {model_id}"), torch.device("meta"):
        config = AutoConfig.from_pretrained(source, local_files_only=only_local())
        return 4 * sum(parameter.numel() for parameter in AutoModel.from_config(config).parameters())
