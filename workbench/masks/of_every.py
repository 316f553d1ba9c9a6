"""The highest of every few consecutive scores."""

import torch
from torch import Tensor

# The longest groups whose scores are compared in pairs.
_MOST_PAIRS = 32


def best_of_every(scores: Tensor, n: int, m: int) -> Tensor:
    """Marks the n highest of every m consecutive scores, the first ones among equals.

    Args:
        scores: finite; m divides the length of their rows.
        n, m: 0 <= n <= m.

    Returns:
        A bool tensor in the shape of `scores`; the same on every device.
    """
    parts = widened(scores).reshape(-1, m)
    if m > _MOST_PAIRS:
        best = parts.argsort(dim=1, descending=True, stable=True)[:, :n]
        return torch.zeros_like(parts, dtype=torch.bool).scatter_(1, best, True).reshape(scores.shape)
    # Comparing each pair once is many times faster than sorting millions of short rows.
    columns = parts.unbind(1)
    higher = [torch.zeros_like(column, dtype=torch.int8) for column in columns]
    for first in range(m):
        for second in range(first + 1, m):
            wins = columns[first] >= columns[second]
            higher[second] += wins
            higher[first] += ~wins
    return (torch.stack(higher, dim=1) < n).reshape(scores.shape)


def widened(scores: Tensor) -> Tensor:
    """The scores in float32, or float64 if they are; all other formats are exact in float32."""
    return scores.detach() if scores.dtype.itemsize > 2 else scores.detach().float()
