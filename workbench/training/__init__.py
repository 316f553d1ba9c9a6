"""The masked training loop, distillation and evaluation."""

from workbench.training.evaluation import predict
from workbench.training.hardware import detect_precision, device, device_name
from workbench.training.recipe import Distillation, Recipe
from workbench.training.trainer import MaskedTrainer, NonFiniteLoss, load_model_tensors, model_tensors

__all__ = [
    "Distillation",
    "MaskedTrainer",
    "NonFiniteLoss",
    "Recipe",
    "detect_precision",
    "device",
    "device_name",
    "load_model_tensors",
    "model_tensors",
    "predict",
]
