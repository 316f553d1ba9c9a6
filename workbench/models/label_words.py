"""A classifier whose classes are words in the vocabulary, scored by frozen parts of a language model."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.activations import ACT2FN
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils import cached_file

from workbench.errors import BadInput
from workbench.models.library import only_local, quiet


class LabelWordClassifier(nn.Module):
    """An encoder with a head of label words, for static model pruning (Jiang et al. 2023, section 4.2).

    The encoder has the same attribute name as in the library's classifiers, so that masks are compatible. The
    words are stored in the configuration as `label_words`, by which `load_encoder` recognises such a model.

    Args:
        encoder: the encoder; its pooler is removed.
        head: maps (batch, hidden) to (batch, classes).
        words: one word per class, in class order.
    """

    main_input_name = "input_ids"

    def __init__(self, encoder: PreTrainedModel, head: nn.Sequential, words: Sequence[str]):
        super().__init__()
        if hasattr(encoder, "pooler"):
            encoder.pooler = None
        self.base_model_prefix = encoder.base_model_prefix
        self.add_module(self.base_model_prefix, encoder)
        self.head = head
        self.config = encoder.config
        self.config.num_labels = len(words)
        self.config.architectures = [type(self).__name__]
        self.config.label_words = list(words)

    @property
    def base_model(self) -> PreTrainedModel:
        """The encoder."""
        return getattr(self, self.base_model_prefix)

    def forward(self, **inputs: Tensor) -> SequenceClassifierOutput:
        """Logits of shape (batch, classes), with attentions and hidden states if requested."""
        output = self.base_model(**inputs)
        return SequenceClassifierOutput(
            logits=self.head(output.last_hidden_state[:, 0]),
            hidden_states=output.hidden_states,
            attentions=output.attentions,
        )

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes `config.json` and `model.safetensors`."""
        self.config.save_pretrained(folder)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        save_file(tensors, Path(folder) / "model.safetensors", metadata={"format": "pt"})


def label_word_classifier(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, words: Sequence[str], *, whole_head: bool
) -> LabelWordClassifier:
    """Copies a classifier's encoder and adds a label-word head.

    Args:
        model: a classifier from `load_encoder`; its checkpoint may contain a masked-LM head.
        tokenizer: the model's tokenizer.
        words: one word per class.
        whole_head: use the checkpoint's masked-LM head if it has one: dense layer, activation, LayerNorm,
            tied decoder and vocabulary bias. Otherwise a class's score is the inner product of the hidden
            state and the word's token embedding.

    Raises:
        BadInput: a word is not exactly one token, two words are the same token, or the encoder's embeddings
            have fewer dimensions than its hidden states.
    """
    tokens = _tokens(tokenizer, words)
    encoder = deepcopy(model.base_model)
    head = _masked_lm_head(encoder, tokens) if whole_head else None
    return LabelWordClassifier(encoder, head or _embedding_head(encoder, tokens), words)


def load_label_word_classifier(source: str, outputs: int) -> LabelWordClassifier:
    """Loads a model written by `LabelWordClassifier.save_pretrained`; used by `load_encoder`.

    Raises:
        ValueError: the number of words is not `outputs`.
    """
    config = AutoConfig.from_pretrained(source, local_files_only=only_local())
    if len(config.label_words) != outputs:
        raise ValueError(
            f"its head has the label words {', '.join(config.label_words)}, but the task has {outputs} "
            "outputs"
        )
    tensors = load_file(cached_file(source, "model.safetensors", local_files_only=only_local()))
    classifier = empty_label_word_classifier(config, tensors)
    classifier.load_state_dict(tensors)
    return classifier


def empty_label_word_classifier(
    config: PreTrainedConfig, tensors: Mapping[str, Tensor]
) -> LabelWordClassifier:
    """A classifier with the architecture of `tensors`, whose weights are still to be loaded."""
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    words = nn.Linear(*reversed(shapes["head.words.weight"]), bias="head.words.bias" in shapes)
    parts = OrderedDict(words=words)
    if "head.dense.weight" in shapes:
        dense = nn.Linear(*reversed(shapes["head.dense.weight"]))
        parts = _transform(config, dense, nn.LayerNorm(dense.out_features, eps=_epsilon(config))) | parts
    encoder = AutoModel.from_config(config, dtype=torch.float32, attn_implementation="eager")
    return LabelWordClassifier(encoder, nn.Sequential(parts), config.label_words)


def _tokens(tokenizer: PreTrainedTokenizerBase, words: Sequence[str]) -> list[int]:
    """The token id of each word; the leading space is for vocabularies that mark the start of a word."""
    tokens: list[int] = []
    for word in words:
        pieces = tokenizer(f" {word}", add_special_tokens=False)["input_ids"]
        if len(pieces) != 1 or pieces[0] == tokenizer.unk_token_id:
            spelled = " ".join(tokenizer.convert_ids_to_tokens(pieces))
            raise BadInput(
                f"label word {word!r} has {len(pieces)} tokens in this model's vocabulary ({spelled}), but a "
                "label word must be one known token. Give other words: --set label_words=[...]"
            )
        if pieces[0] in tokens:
            raise BadInput(f"label word {word!r} is the same token as another one. Give distinct words.")
        tokens += pieces
    return tokens


def _embedding_head(encoder: PreTrainedModel, tokens: list[int]) -> nn.Sequential:
    rows = encoder.get_input_embeddings().weight[tokens]
    hidden = encoder.config.hidden_size
    if rows.shape[1] != hidden:
        raise BadInput(
            f"the token embeddings of {encoder.name_or_path} have {rows.shape[1]} dimensions and its hidden "
            f"states {hidden}, so they have no inner product. Give --set head=random."
        )
    return nn.Sequential(OrderedDict(words=_linear(rows)))


def _masked_lm_head(encoder: PreTrainedModel, tokens: list[int]) -> nn.Sequential | None:
    """The checkpoint's masked-LM head, restricted to `tokens`; None if the checkpoint has none."""
    try:
        with quiet():
            model, info = AutoModelForMaskedLM.from_pretrained(
                encoder.name_or_path,
                dtype=torch.float32,
                output_loading_info=True,
                local_files_only=only_local(),
            )
    except ValueError:  # this architecture has no masked language model
        return None
    prefix = f"{encoder.base_model_prefix}."
    if any(not name.startswith(prefix) for name in info["missing_keys"]):
        return None
    decoder = model.get_output_embeddings()
    head = [module for name, module in model.named_modules() if not f"{name}.".startswith(prefix)]
    (dense,) = [module for module in head if isinstance(module, nn.Linear) and module is not decoder]
    (norm,) = [module for module in head if isinstance(module, nn.LayerNorm)]
    parts = _transform(encoder.config, dense, norm)
    return nn.Sequential(parts | {"words": _linear(decoder.weight[tokens], decoder.bias[tokens])})


def _transform(config: PreTrainedConfig, dense: nn.Linear, norm: nn.LayerNorm) -> OrderedDict[str, nn.Module]:
    activation = config.activation if config.model_type == "distilbert" else config.hidden_act
    return OrderedDict(dense=dense, activation=ACT2FN[activation], norm=norm)


def _epsilon(config: PreTrainedConfig) -> float:
    return getattr(config, "layer_norm_eps", 1e-12)  # DistilBERT's is fixed


def _linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    linear = nn.Linear(*reversed(weight.shape), bias=bias is not None, device="meta")
    linear.weight = nn.Parameter(weight.detach().clone())
    if bias is not None:
        linear.bias = nn.Parameter(bias.detach().clone())
    return linear
