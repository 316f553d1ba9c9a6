"""Models: encoders, classifiers and ResNets, their prunable weights, and the cost of a forward pass."""

from workbench.models.anatomy import embeddings, feed_forwards, forward_flops, prunable, set_prunable
from workbench.models.classifier import Classifier, load_classifier
from workbench.models.loading import load_encoder, load_tokenizer, save_model
from workbench.models.location import MINILM, RESNET20, UNTRAINED, locate, reads
from workbench.models.weights import load_weights

__all__ = [
    "MINILM",
    "RESNET20",
    "UNTRAINED",
    "Classifier",
    "embeddings",
    "feed_forwards",
    "forward_flops",
    "load_classifier",
    "load_encoder",
    "load_tokenizer",
    "load_weights",
    "locate",
    "prunable",
    "reads",
    "save_model",
    "set_prunable",
]
