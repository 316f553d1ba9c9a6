"""The masked training loop, distillation and evaluation."""

from workbench.training.averaging import has_batchnorm, mean_of, recalibrate
from workbench.training.evaluation import predict
from workbench.training.hardware import detect_precision, device, device_name
from workbench.training.recipe import Distillation, Recipe
from workbench.training.sparsifier import FixedMask, Sparsifier, Training
from workbench.training.trainer import MaskedTrainer, NonFiniteLoss, load_model_tensors, model_tensors

__all__ = [
    "Distillation",
    "FixedMask",
    "MaskedTrainer",
    "NonFiniteLoss",
    "Recipe",
    "Sparsifier",
    "Training",
    "detect_precision",
    "device",
    "device_name",
    "has_batchnorm",
    "load_model_tensors",
    "mean_of",
    "model_tensors",
    "predict",
    "recalibrate",
]
