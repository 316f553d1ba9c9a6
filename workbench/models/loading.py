"""Loads models from checkpoints and saves them as folders."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
)
from transformers.models.auto import modeling_auto

from workbench.errors import BadInput
from workbench.models.anatomy import RESNETS, prunable, set_prunable
from workbench.models.library import errors_as_bad_input, only_local, quiet
from workbench.models.location import UNTRAINED, locate, reads
from workbench.randomness import seeded_globals

if TYPE_CHECKING:
    from transformers import BaseImageProcessor


def load_tokenizer(model_id: str) -> PreTrainedTokenizerBase:
    """The fast tokenizer of a model.

    Raises:
        BadInput: the tokenizer is damaged, or has no padding token or no vocabulary.
    """
    source = locate(model_id)
    with quiet(), errors_as_bad_input(f"the tokenizer of model {model_id}"):
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=only_local())
    if tokenizer.pad_token_id is None:
        raise BadInput(f"the tokenizer of model {model_id} has no padding token. Choose an encoder with one.")
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise BadInput(
            f"the tokenizer of model {model_id} has no vocabulary, only {len(tokenizer)} special tokens. "
            "Download its tokenizer.json or vocab.txt."
        )
    return tokenizer


def load_encoder(model_id: str, outputs: int, seed: int, pattern: str | None = None) -> nn.Module:
    """Loads a float32 classifier: a pretrained encoder with a head, or a ResNet.

    Args:
        model_id: see `locate`.
        outputs: output size of the head; 1 for regression. A head of that size in the checkpoint is kept.
        seed: determines the weights of a fresh head, of a pooler that the checkpoint lacks, and of untrained
            models.
        pattern: which weights are prunable, if not the usual ones (see `set_prunable`).

    Returns:
        The model, in training mode. Encoders use eager attention: distillation needs the attention matrices,
        and for GLUE's sequence lengths on a CPU it is no slower.

    Raises:
        BadInput: the model is a decoder, has no prunable weights, or its checkpoint is truncated or lacks
            some of them.
    """
    model, absent = load_checkpoint(model_id, outputs, seed)
    if pattern is not None:
        set_prunable(model, pattern)
    weights = prunable(model)
    if not weights:
        raise BadInput(
            f"model {model_id} ({type(model).__name__}) has no linear matrices in layers whose names we "
            "know. Say which weights to prune, such as --prunable 'blocks.*weight' (docs/models.md)."
        )
    if missing := sorted(weights.keys() & absent):
        raise BadInput(
            f"model {model_id} lacks {len(missing)} encoder weights, such as {missing[0]}. Download it again."
        )
    return model.train()


def load_checkpoint(model_id: str, outputs: int | None, seed: int) -> tuple[nn.Module, set[str]]:
    """Loads a model whatever is missing, and the names of the weights that are therefore fresh.

    Args:
        model_id: see `locate`.
        outputs: output size of the head; None for that of the checkpoint.
        seed: determines fresh weights.

    Raises:
        BadInput: the model is a decoder, or its checkpoint cannot be read.
    """
    source = locate(model_id)
    with quiet(), seeded_globals(seed, "head"), errors_as_bad_input(f"model {model_id}"):
        load = _load_image_model if reads(source) == "images" else _load_text_encoder
        model, info = load(source, outputs)
    return model, {*info["missing_keys"], *(entry[0] for entry in info["mismatched_keys"])}


def save_model(
    model: nn.Module, preprocessor: "PreTrainedTokenizerBase | BaseImageProcessor | None", folder: Path
) -> None:
    """Writes a model as a Hugging Face folder with the names of its parameters.

    Args:
        model: the model.
        preprocessor: its tokenizer or image processor, if any, which is written too.
        folder: where to.
    """
    # Its import takes seconds, which a process that only reads runs does not have to wait for.
    from transformers import PreTrainedModel

    with quiet():
        # The library would write some families (ViT) under the names of earlier versions, and a mask has the
        # names of the parameters.
        options = {"save_original_format": False} if isinstance(model, PreTrainedModel) else {}
        model.save_pretrained(folder, **options)
        if preprocessor is not None:
            preprocessor.save_pretrained(folder)
    mode = (folder / "config.json").stat().st_mode
    for path in folder.iterdir():
        path.chmod(mode)  # safetensors creates files that other users cannot read


def _load_text_encoder(source: str, outputs: int | None) -> tuple[nn.Module, dict]:
    if "label_words" in _plain_config(source):
        if outputs is None:
            raise BadInput(
                f"model {source} has a head of label words, which only the engine smp trains. Give a "
                "classifier with a head of its own."
            )
        from workbench.models.label_words import load_label_word_classifier

        return load_label_word_classifier(source, outputs), {"missing_keys": (), "mismatched_keys": ()}
    _refuse_decoder(source)
    return AutoModelForSequenceClassification.from_pretrained(source, **_options(outputs))


def _load_image_model(source: str, outputs: int | None) -> tuple[nn.Module, dict]:
    is_named = source in UNTRAINED or Path(source).is_file()
    if is_named or _plain_config(source).get("model_type") in RESNETS:
        # Importing the library's modelling code takes two seconds, which other shell commands should not pay.
        from workbench.models.resnet import load_resnet

        return load_resnet(source, outputs, local_files_only=only_local())
    return AutoModelForImageClassification.from_pretrained(source, **_options(outputs))


def _options(outputs: int | None) -> dict:
    options = {
        "dtype": torch.float32,
        "attn_implementation": "eager",
        "ignore_mismatched_sizes": True,  # for a head of another size; matrices are checked afterwards
        "output_loading_info": True,
        "local_files_only": only_local(),
    }
    return options if outputs is None else options | {"num_labels": outputs}


def _plain_config(source: str) -> dict:
    plain, _ = PreTrainedConfig.get_config_dict(source, local_files_only=only_local())
    return plain


def _refuse_decoder(source: str) -> None:
    config = AutoConfig.from_pretrained(source, local_files_only=only_local())
    kind = config.model_type
    writes_only = (
        kind in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
        and kind not in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    )
    if config.is_encoder_decoder:
        what = "an encoder with a decoder"
    elif writes_only or getattr(config, "is_decoder", False):
        what = "a decoder"
    else:
        return
    raise BadInput(
        f"model {source} ({kind}) is {what}: it generates text, which is measured by perplexity and samples, "
        "whereas this workbench measures classifiers. Choose an encoder (docs/models.md)."
    )
