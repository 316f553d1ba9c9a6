"""Measures that distinguish an under-trained sparse model from one that has converged.

They are the task's loss on a fixed sample of train and the entropy of the output, in eval mode. Kuznedelev
et al. (arXiv 2308.02060) report similar measures, but their definitions could not be read.
"""

import numpy as np
import scipy
import torch

from workbench.training.objective import label_loss


def output_entropy(logits: np.ndarray) -> float | None:
    """Mean over examples of -sum_c p_c ln p_c, in nats; None for a regression, which has no distribution.

    Args:
        logits: (examples, outputs).
    """
    if logits.shape[1] == 1:
        return None
    shares = scipy.special.softmax(logits.astype(np.float64), axis=1)
    return float(-scipy.special.xlogy(shares, shares).sum(axis=1).mean())


def mean_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy in nats, or mean squared error for a regression.

    Args:
        logits: (examples, outputs).
        labels: (examples,), classes or scores.
    """
    return float(label_loss(torch.from_numpy(logits), torch.tensor(labels)))
