"""Common alternatives for the same work, each used as well as possible.

Each gets its input in the format that suits it best, prepared in advance. For the ranking functions this is
one long vector, although a model does not have its weights in one.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune

from workbench.randomness import torch_generator


def ranking(
    scores: Mapping[str, torch.Tensor], kept: int
) -> dict[str, Callable[[], float | list[nn.Module]]]:
    """Functions that find the `kept` highest of all scores; each returns the lowest of them.

    `prune.global_unstructured` instead returns modules, with the masks in `weight_mask` as float tensors.
    """
    vector = torch.cat([score.reshape(-1) for score in scores.values()])
    array, pruned = vector.numpy(), vector.numel() - kept
    return {
        "torch.topk": lambda: torch.topk(vector, kept, sorted=False).values.amin().item(),
        "torch.kthvalue": lambda: torch.kthvalue(vector, pruned + 1).values.item(),
        "torch.sort": lambda: torch.sort(vector).values[pruned].item(),
        "numpy.argpartition": lambda: array[np.argpartition(array, pruned)[pruned]].item(),
        "prune.global_unstructured": lambda: _global_unstructured(scores, pruned),
    }


def _global_unstructured(scores: Mapping[str, torch.Tensor], pruned: int) -> list[nn.Module]:
    modules = [nn.Module() for _ in scores]
    for module, score in zip(modules, scores.values(), strict=True):
        module.weight = nn.Parameter(score)
    pairs = [(module, "weight") for module in modules]
    prune.global_unstructured(pairs, pruning_method=prune.L1Unstructured, amount=pruned)
    return modules


def weighted_draws(
    probabilities: Mapping[str, torch.Tensor], kept: Mapping[str, int], draws: Mapping[str, int]
) -> dict[str, torch.Tensor]:
    """Counts how often `torch.multinomial` draws each weight, with draws of `kept` without replacement.

    Args:
        probabilities: probabilities of the weights of each matrix, float32 vectors by name.
        kept: number of weights per draw, by name.
        draws: number of draws, by name.
    """
    counts = {}
    for name, p in probabilities.items():
        rng = torch_generator("draws", name)
        counts[name] = torch.zeros(p.numel(), dtype=torch.int32)
        for _ in range(draws[name]):
            counts[name][torch.multinomial(p, kept[name], generator=rng)] += 1
    return counts


def float_overlaps(masks: Sequence[Sequence[torch.Tensor]]) -> list[np.ndarray]:
    """All Jaccard indices of n masks by matrix products, per matrix and in total.

    Args:
        masks: for each matrix, its n masks as bool vectors or as one float32 tensor (n, numel).
    """
    tables = []
    for members in masks:
        rows = members if isinstance(members, torch.Tensor) else torch.stack(members).float()
        tables.append((rows @ rows.T).double().numpy())
    return [_jaccard(table) for table in (*tables, sum(tables))]


def _jaccard(common: np.ndarray) -> np.ndarray:
    kept = common.diagonal()
    return common / (kept[:, None] + kept - common)
