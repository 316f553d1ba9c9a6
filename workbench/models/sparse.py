"""Encoders with sparse layers, and the folder that they are saved as."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
)
from transformers.models.auto import modeling_auto

from workbench.compute import fuse_feed_forward_, load_sparse_, sparsify_
from workbench.compute.sparsify import Choice
from workbench.errors import BadInput
from workbench.files import write_atomic
from workbench.masks import Mask
from workbench.models.anatomy import feed_forwards
from workbench.models.library import quiet
from workbench.randomness import seeded_globals

_WEIGHTS = "sparse.safetensors"


def sparsify_encoder_(model: nn.Module, mask: Mask, *, choose: Choice | None = None) -> tuple[str, ...]:
    """Replaces the layers that a mask names by sparse ones, in place, as `compute.sparsify_` does.

    The two layers of a feed-forward block that are both sparse also take the activation between them.

    Returns:
        the names of the matrices that are sparse now.
    """
    names = sparsify_(model, mask, choose=choose)
    _fuse(model)
    return names


def save_sparse(model: nn.Module, folder: str | Path) -> Path:
    """Writes the configuration and the weights of a classifier with sparse layers; returns the folder.

    A sparse matrix takes one bit for each weight (`bits`) and four bytes for each kept one (`values`).
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder)
    return save_sparse_weights(model, folder)


def save_sparse_weights(model: nn.Module, folder: Path) -> Path:
    """Writes the weights alone, beside a configuration that is there; returns the folder."""
    # Tied tensors share memory, which the format rejects.
    tensors = {name: tensor.detach().clone().contiguous() for name, tensor in model.state_dict().items()}
    write_atomic(folder / _WEIGHTS, lambda part: save_file(tensors, part, metadata={"format": "pt"}))
    return folder


def is_sparse_folder(folder: str | Path) -> bool:
    """Whether `save_sparse` wrote this folder."""
    return (Path(folder) / _WEIGHTS).is_file()


def load_sparse(folder: str | Path) -> nn.Module:
    """The float32 classifier that `save_sparse` wrote, in eval mode.

    Raises:
        BadInput: a file is damaged, or the two do not belong together.
    """
    folder = Path(folder)
    try:
        with quiet():
            state = load_file(folder / _WEIGHTS)
            model = _dense_classifier(folder, state)
            load_sparse_(model, state)
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise BadInput(f"sparse model {folder} does not load: {reason}. Save it again.") from error
    _fuse(model)
    return model.eval()


def _dense_classifier(folder: Path, state: dict[str, torch.Tensor]) -> nn.Module:
    """A classifier of the same architecture, with weights of no meaning."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    plain, _ = PreTrainedConfig.get_config_dict(folder, local_files_only=True)
    with seeded_globals("sparse", "load"):
        if "label_words" in plain:
            from workbench.models.label_words import empty_label_word_classifier

            return empty_label_word_classifier(config, state)
        images = config.model_type in modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES
        library = AutoModelForImageClassification if images else AutoModelForSequenceClassification
        return library.from_config(config, dtype=torch.float32, attn_implementation="eager")


def _fuse(model: nn.Module) -> None:
    for block in feed_forwards(model):
        fuse_feed_forward_(model, *block)
