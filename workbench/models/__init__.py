"""Models: encoders, classifiers and ResNets, their prunable weights, and the cost of a forward pass."""

from workbench.models.anatomy import activation_bytes, embeddings, forward_flops, prunable, set_prunable
from workbench.models.classifier import Classifier, load_classifier
from workbench.models.image_processor import load_image_processor
from workbench.models.loading import load_encoder, load_tokenizer, save_model
from workbench.models.location import MINILM, RESNET20, UNTRAINED, locate, reads
from workbench.models.sparse import (
    is_sparse_folder,
    load_sparse,
    save_sparse,
    save_sparse_weights,
    sparsify_encoder_,
)
from workbench.models.weights import load_weights

__all__ = [
    "MINILM",
    "RESNET20",
    "UNTRAINED",
    "Classifier",
    "activation_bytes",
    "embeddings",
    "forward_flops",
    "is_sparse_folder",
    "load_classifier",
    "load_encoder",
    "load_image_processor",
    "load_sparse",
    "load_tokenizer",
    "load_weights",
    "locate",
    "prunable",
    "reads",
    "save_model",
    "save_sparse",
    "save_sparse_weights",
    "set_prunable",
    "sparsify_encoder_",
]
