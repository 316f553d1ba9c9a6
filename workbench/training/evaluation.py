"""What a model says about a split."""

import numpy as np
import torch
from torch import nn

from workbench.tasks import Encoded, Images, ordered_batches
from workbench.training.hardware import autocast

_BATCH = 64


@torch.inference_mode()
def predict(model: nn.Module, examples: Encoded | Images, precision: str) -> np.ndarray:
    """Logits of a model in eval mode; its own mode is restored.

    Args:
        model: any classifier that takes the collated inputs.
        examples: the split, tokenised or decoded.
        precision: "fp32" or "bf16".

    Returns:
        float32 array of shape (examples, outputs), in the order of `examples`.
    """
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    logits = np.empty((len(examples), model.config.num_labels), np.float32)
    for indices in ordered_batches(examples.lengths, _BATCH):
        batch = examples.collate(indices)
        inputs = {name: tensor.to(device) for name, tensor in batch.items() if name != "labels"}
        with autocast(device, precision):
            logits[indices] = model(**inputs).logits.float().cpu().numpy()
    model.train(training)
    return logits
