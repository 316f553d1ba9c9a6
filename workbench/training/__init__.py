"""The masked training loop, distillation and evaluation."""

from workbench.training.averaging import has_batchnorm, mean_of, recalibrate
from workbench.training.config import Distillation, TrainingConfig
from workbench.training.determinism import deterministic
from workbench.training.evaluation import EvaluationSet, predict
from workbench.training.fisher import BlockFisher, fisher_bytes
from workbench.training.hardware import (
    autocast,
    detect_precision,
    device,
    device_name,
    free_gpu_memory,
    installed_memory,
    moved,
)
from workbench.training.kept import load_model_tensors, model_tensors
from workbench.training.losses import NonFiniteLoss
from workbench.training.objective import model_inputs
from workbench.training.progress import progress_bar
from workbench.training.saliency import CALIBRATION_BATCH_SIZE, CALIBRATION_BATCHES, label_gradients, saliency
from workbench.training.sparsifier import FixedMask, Sparsifier, Training
from workbench.training.trainer import MaskedTrainer

__all__ = [
    "CALIBRATION_BATCHES",
    "CALIBRATION_BATCH_SIZE",
    "BlockFisher",
    "Distillation",
    "EvaluationSet",
    "FixedMask",
    "MaskedTrainer",
    "NonFiniteLoss",
    "Sparsifier",
    "Training",
    "TrainingConfig",
    "autocast",
    "detect_precision",
    "deterministic",
    "device",
    "device_name",
    "fisher_bytes",
    "free_gpu_memory",
    "has_batchnorm",
    "installed_memory",
    "label_gradients",
    "load_model_tensors",
    "mean_of",
    "model_inputs",
    "model_tensors",
    "moved",
    "predict",
    "progress_bar",
    "recalibrate",
    "saliency",
]
