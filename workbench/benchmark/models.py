"""Classifiers of an encoder's size, with fresh weights."""

import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, BertConfig

from workbench.masks import Mask, topk_mask
from workbench.models import prunable
from workbench.randomness import seeded_globals
from workbench.scores import magnitude


def classifier(layers: int, hidden: int) -> nn.Module:
    """A BERT with twelve heads and a feed-forward width of four times its own."""
    config = BertConfig(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=12,
        intermediate_size=4 * hidden,
        attn_implementation="eager",
    )
    with seeded_globals("benchmark", "model"):
        return AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)


def magnitude_mask(model: nn.Module, sparsity: float) -> Mask:
    """The mask of a model's largest weights, an equal share of each matrix."""
    return topk_mask(magnitude({name: w.detach() for name, w in prunable(model).items()}), sparsity)
