"""Models: encoders, classifiers and ResNets, their prunable weights, and the cost of a forward pass."""

from workbench.process import imported_when_used

_HOMES = {
    "Classifier": "classifier",
    "MINILM": "location",
    "RESNET20": "location",
    "UNTRAINED": "location",
    "activation_bytes": "anatomy",
    "embeddings": "anatomy",
    "forward_flops": "anatomy",
    "is_sparse_folder": "sparse",
    "load_classifier": "classifier",
    "load_encoder": "loading",
    "load_image_processor": "image_processor",
    "load_sparse": "sparse",
    "load_tokenizer": "loading",
    "load_weights": "weights",
    "locate": "location",
    "prunable": "anatomy",
    "reads": "location",
    "save_model": "loading",
    "save_sparse": "sparse",
    "save_sparse_weights": "sparse",
    "set_prunable": "anatomy",
    "sparsify_encoder_": "sparse",
}

__all__ = list(_HOMES)

__getattr__, __dir__ = imported_when_used(__name__, _HOMES)
