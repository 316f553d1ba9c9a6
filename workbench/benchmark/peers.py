"""What people use for the same work, as well as it can be used.

Each gets its input in the form that it likes best, made beforehand: the ranking functions one long
vector, which a model does not have.
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
    """Ways to find the `kept` highest of all scores; each returns the lowest of them.

    `prune.global_unstructured` returns modules, with the masks in `weight_mask` as tensors of floats.
    """
    vector = torch.cat([score.reshape(-1) for score in scores.values()])
    array, place = vector.numpy(), vector.numel() - kept
    return {
        "torch.topk": lambda: torch.topk(vector, kept, sorted=False).values.amin().item(),
        "torch.kthvalue": lambda: torch.kthvalue(vector, place + 1).values.item(),
        "torch.sort": lambda: torch.sort(vector).values[place].item(),
        "numpy.argpartition": lambda: array[np.argpartition(array, place)[place]].item(),
        "prune.global_unstructured": lambda: _global_unstructured(scores, place),
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
    """How often each weight is among `kept` drawn without replacement, by `torch.multinomial`.

    Args:
        probabilities: of the weights of each matrix, float32 vectors.
        kept: how many weights a draw takes, by name.
        draws: how many draws are made, by name.
    """
    counts = {}
    for name, p in probabilities.items():
        rng = torch_generator("draws", name)
        counts[name] = torch.zeros(p.numel(), dtype=torch.int32)
        for _ in range(draws[name]):
            counts[name][torch.multinomial(p, kept[name], generator=rng)] += 1
    return counts


def float_overlaps(masks: Sequence[Sequence[torch.Tensor]]) -> list[np.ndarray]:
    """All Jaccard indices of n masks by matrix products, for each matrix and then in all.

    Args:
        masks: for each matrix the n masks of it, bool vectors, or one float32 tensor (n, numel).
    """
    tables = []
    for members in masks:
        rows = members if isinstance(members, torch.Tensor) else torch.stack(members).float()
        tables.append((rows @ rows.T).double().numpy())
    return [_jaccard(table) for table in (*tables, sum(tables))]


def _jaccard(common: np.ndarray) -> np.ndarray:
    kept = common.diagonal()
    return common / (kept[:, None] + kept - common)
