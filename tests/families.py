"""Every family of encoders that docs/models.md lists: a tiny model of it, and the count of its matrices."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

from workbench.masks import matrix_type
from workbench.models import prunable
from workbench.randomness import seeded_globals

TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 80,
}
IMAGES = {**TINY, "image_size": 8, "patch_size": 4}
DISTILBERT = {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32, "max_position_embeddings": 80}
MODERNBERT = {"bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}


@dataclass(frozen=True)
class Family:
    """A family.

    Attributes:
        name: for readers.
        classes: the first part of the library's names, such as "Bert".
        tiny: settings of a tiny model.
        layer: the matrices of a layer, (outputs, inputs) by type, given hidden and intermediate width.
        note: what is special about it.
        base: settings of the size in the table, if not the library's defaults.
        shared: whether all layers are one.
        images: whether it reads images.
        suffix: the last part of the class's name, if it has one.
    """

    name: str
    classes: str
    tiny: dict[str, Any]
    layer: Callable[[int, int], dict[str, tuple[int, int]]]
    note: str = ""
    base: dict[str, Any] = field(default_factory=dict)
    shared: bool = False
    images: bool = False
    suffix: str = ""

    def __str__(self) -> str:
        return self.name

    def config(self, **settings: Any) -> transformers.PreTrainedConfig:
        """A configuration of the library."""
        return getattr(transformers, f"{self.classes}Config")(**settings)

    def matrices(self, config: transformers.PreTrainedConfig) -> list[tuple[str, tuple[int, int]]]:
        """Type and shape of all prunable matrices."""
        width = getattr(config, "intermediate_size", None) or config.hidden_dim
        layer = self.layer(config.hidden_size, width)
        return list(layer.items()) * (1 if self.shared else config.num_hidden_layers)

    def model(self, config: transformers.PreTrainedConfig) -> nn.Module:
        """An untrained classifier."""
        kind = "Image" if self.images else "Sequence"
        return getattr(transformers, f"{self.classes}For{kind}Classification{self.suffix}")(config)

    def save_tiny(self, folder: Path, tokenizer: Any, outputs: int, **settings: Any) -> str:
        """Writes a tiny classifier and, if it reads texts, a tokenizer, which decides the vocabulary."""
        own = {} if self.images else {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
        with seeded_globals("tests", self.name):
            model = self.model(self.config(**own | self.tiny | settings, num_labels=outputs))
        model.save_pretrained(folder)
        if not self.images:
            tokenizer.save_pretrained(folder)
        return str(folder)


def _bert(h: int, f: int, *attention: str, up="intermediate.dense", down="output.dense") -> dict:
    attention = attention or ("self.query", "self.key", "self.value", "output.dense")
    names = [f"attention.{name}" for name in attention]
    return dict.fromkeys(names, (h, h)) | {up: (f, h), down: (h, f)}


def _distilbert(h: int, f: int) -> dict:
    return _bert(h, f, "q_lin", "k_lin", "v_lin", "out_lin", up="ffn.lin1", down="ffn.lin2")


def _albert(h: int, f: int) -> dict:
    names = ("query", "key", "value", "dense")
    parts = _bert(h, f, *names, up="ffn", down="ffn_output")
    return {f"albert_layers.0.{name}": shape for name, shape in parts.items()}


def _mpnet(h: int, f: int) -> dict:
    return _bert(h, f, "attn.q", "attn.k", "attn.v", "attn.o")


def _deberta_v2(h: int, f: int) -> dict:
    names = ("query_proj", "key_proj", "value_proj", "pos_key_proj", "pos_query_proj")
    return _bert(h, f, *(f"self.{name}" for name in names), "output.dense")


def _deberta_v3(h: int, f: int) -> dict:
    return _bert(h, f, "self.query_proj", "self.key_proj", "self.value_proj", "output.dense")


def _modernbert(h: int, f: int) -> dict:
    return {"attn.Wqkv": (3 * h, h), "attn.Wo": (h, h), "mlp.Wi": (2 * f, h), "mlp.Wo": (h, f)}


def _vit(h: int, f: int) -> dict:
    return _bert(h, f, "q_proj", "k_proj", "v_proj", "o_proj", up="mlp.fc1", down="mlp.fc2")


_RELATIVE = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_buckets": 8}
_BASE = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
_ROBERTA = {**TINY, "type_vocab_size": 1}

FAMILIES = (
    Family("BERT", "Bert", TINY, _bert),
    Family("RoBERTa", "Roberta", _ROBERTA, _bert),
    Family("XLM-R", "XLMRoberta", _ROBERTA, _bert),
    Family("CamemBERT", "Camembert", _ROBERTA, _bert),
    Family(
        "ELECTRA",
        "Electra",
        {**TINY, "embedding_size": 8},
        _bert,
        "the projection of narrow embeddings is not pruned",
        base={**_BASE, "embedding_size": 768},
    ),
    Family("DistilBERT", "DistilBert", DISTILBERT, _distilbert),
    Family(
        "ALBERT",
        "Albert",
        {**TINY, "num_hidden_layers": 2, "embedding_size": 8},
        _albert,
        "all layers share one set of matrices, which is counted once",
        base=_BASE,
        shared=True,
    ),
    Family("MPNet", "MPNet", TINY, _mpnet),
    Family(
        "DeBERTa v2",
        "DebertaV2",
        {**TINY, **_RELATIVE, "share_att_key": False},
        _deberta_v2,
        "with `share_att_key` off, relative positions have matrices of their own",
        base={**_BASE, **_RELATIVE, "share_att_key": False},
    ),
    Family(
        "DeBERTa v3",
        "DebertaV2",
        {**TINY, **_RELATIVE, "share_att_key": True},
        _deberta_v3,
        base={**_BASE, **_RELATIVE, "share_att_key": True},
    ),
    Family(
        "ModernBERT",
        "ModernBert",
        {**TINY, **MODERNBERT},
        _modernbert,
        "`Wqkv` is query, key and value in one matrix, and `Wi` both inputs of the gated feed-forward",
    ),
    Family("ViT", "ViT", IMAGES, _vit, "the patch embedding is not pruned", images=True),
    Family("DeiT", "DeiT", IMAGES, _vit, "the patch embedding is not pruned", images=True),
)


def prunable_on_meta(family: Family) -> dict[str, torch.Tensor]:
    """The prunable weights of the size in the table, without their values."""
    with torch.device("meta"):
        return prunable(family.model(family.config(**family.base)))


def table() -> str:
    """The table of docs/models.md, counted in the library's models."""
    lines = [
        "| family | matrices of a layer | matrices | weights | remarks |",
        "| --- | --- | --- | --- | --- |",
    ]
    for family in FAMILIES:
        weights = prunable_on_meta(family)
        types = dict.fromkeys(f"`{matrix_type(name)}`" for name in weights)
        count = f"{sum(weight.numel() for weight in weights.values()):,}"
        cells = (family.name, " ".join(types), str(len(weights)), count, family.note)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
