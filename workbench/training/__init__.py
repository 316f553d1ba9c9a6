"""The masked training loop, distillation and evaluation."""

from workbench.training.evaluation import predict
from workbench.training.precision import detect_precision
from workbench.training.recipe import Distillation, Recipe
from workbench.training.trainer import MaskedTrainer, NonFiniteLoss, load_model_tensors, model_tensors

__all__ = [
    "Distillation",
    "MaskedTrainer",
    "NonFiniteLoss",
    "Recipe",
    "detect_precision",
    "load_model_tensors",
    "model_tensors",
    "predict",
]
