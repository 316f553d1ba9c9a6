"""Loads models from checkpoints and saves them as folders."""

from pathlib import Path

import torch
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
)

from workbench.errors import BadInput
from workbench.models.anatomy import prunable
from workbench.models.library import errors_as_bad_input, only_local, quiet
from workbench.models.location import locate, reads
from workbench.randomness import seeded_globals


def load_tokenizer(model_id: str) -> PreTrainedTokenizerBase:
    """The fast tokenizer of a model.

    Raises:
        BadInput: the tokenizer is damaged, or has no padding token or no vocabulary.
    """
    source = locate(model_id)
    with quiet(), errors_as_bad_input(f"the tokenizer of model {model_id}"):
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=only_local())
    if tokenizer.pad_token_id is None:
        raise BadInput(
            f"the tokenizer of model {model_id} has no padding token. Choose a BERT-family encoder."
        )
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise BadInput(
            f"the tokenizer of model {model_id} has no vocabulary, only {len(tokenizer)} special tokens. "
            "Download its tokenizer.json or vocab.txt."
        )
    return tokenizer


def load_encoder(model_id: str, outputs: int, seed: int) -> nn.Module:
    """Loads a float32 classifier: a pretrained encoder with a head, or a ResNet.

    Args:
        model_id: see `locate`.
        outputs: output size of the head; 1 for regression. A head of that size in the checkpoint is kept.
        seed: determines the weights of a fresh head, of a pooler that the checkpoint lacks, and of untrained
            models.

    Returns:
        The model, in training mode. Encoders use eager attention: distillation needs the attention matrices,
        and for GLUE's sequence lengths on a CPU it is no slower.

    Raises:
        BadInput: the model is neither a BERT-family encoder nor a ResNet, or its checkpoint is truncated or
            lacks encoder weights.
    """
    source = locate(model_id)
    is_image = reads(source) == "images"
    with quiet(), seeded_globals(seed, "head"), errors_as_bad_input(f"model {model_id}"):
        model, info = _load_resnet(source, outputs) if is_image else _load_text_encoder(source, outputs)
    weights = prunable(model)
    if not weights:
        raise BadInput(
            f"model {model_id} ({type(model).__name__}) has no linear matrices in encoder layers. "
            "Choose a BERT-family encoder."
        )
    mismatched = {entry[0] for entry in info["mismatched_keys"]}
    if missing := sorted(weights.keys() & (set(info["missing_keys"]) | mismatched)):
        raise BadInput(
            f"model {model_id} lacks {len(missing)} encoder weights, such as {missing[0]}. Download it again."
        )
    return model.train()


def save_model(model: nn.Module, tokenizer: PreTrainedTokenizerBase | None, folder: Path) -> None:
    """Writes a model and its tokenizer, if any, as a Hugging Face folder."""
    with quiet():
        model.save_pretrained(folder)
        if tokenizer is not None:
            tokenizer.save_pretrained(folder)
    mode = (folder / "config.json").stat().st_mode
    for path in folder.iterdir():
        path.chmod(mode)  # safetensors creates files that other users cannot read


def _load_text_encoder(source: str, outputs: int) -> tuple[nn.Module, dict]:
    plain, _ = PreTrainedConfig.get_config_dict(source, local_files_only=only_local())
    if "label_words" in plain:
        from workbench.models.label_words import load_label_word_classifier

        return load_label_word_classifier(source, outputs), {"missing_keys": (), "mismatched_keys": ()}
    return AutoModelForSequenceClassification.from_pretrained(
        source,
        num_labels=outputs,
        dtype=torch.float32,
        attn_implementation="eager",
        ignore_mismatched_sizes=True,  # for a head of another size; matrices are checked afterwards
        output_loading_info=True,
        local_files_only=only_local(),
    )


def _load_resnet(source: str, outputs: int) -> tuple[nn.Module, dict]:
    # Importing the library's modelling code takes two seconds, which the other shell commands should not pay.
    from workbench.models.resnet import load_resnet

    return load_resnet(source, outputs, local_files_only=only_local())
