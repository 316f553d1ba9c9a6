"""The masked training loop, distillation and evaluation."""

from workbench.process import imported_when_used
from workbench.training.saliency import saliency  # imported here, as its module has the same name

_HOMES = {
    "BlockFisher": "fisher",
    "CALIBRATION_BATCHES": "saliency",
    "CALIBRATION_BATCH_SIZE": "saliency",
    "Distillation": "config",
    "EvaluationSet": "evaluation",
    "FixedMask": "sparsifier",
    "MaskedTrainer": "trainer",
    "NonFiniteLoss": "losses",
    "Sparsifier": "sparsifier",
    "Training": "sparsifier",
    "TrainingConfig": "config",
    "autocast": "hardware",
    "detect_precision": "hardware",
    "deterministic": "determinism",
    "device": "hardware",
    "device_name": "hardware",
    "fisher_bytes": "fisher",
    "free_gpu_memory": "hardware",
    "has_batchnorm": "averaging",
    "installed_memory": "hardware",
    "label_gradients": "saliency",
    "limit_compiled_products": "hardware",
    "load_model_tensors": "kept",
    "mean_of": "averaging",
    "model_inputs": "objective",
    "model_tensors": "kept",
    "moved": "hardware",
    "predict": "evaluation",
    "progress_bar": "progress",
    "recalibrate": "averaging",
}

__all__ = [*_HOMES, "saliency"]

__getattr__, __dir__ = imported_when_used(__name__, _HOMES)
