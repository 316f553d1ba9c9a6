"""Exact ranking at every training step, for masks with learned scores."""

from collections.abc import Mapping

import torch

from workbench.masks.parallel import each
from workbench.masks.ranking.keys import Layout
from workbench.masks.ranking.selection import Window, choose, marked
from workbench.masks.ranking.topk import Budget, counted
from workbench.masks.ranking.vectors import on_host, vectors_of

# How far from the last threshold to search, relative to its magnitude: at least 1/512, which contains so few
# scores that reading the others takes longer; at most 1/64, beyond which a sample gives a better estimate.
_LEAST, _MOST = 9, 6


class TopKTracker:
    """Chooses the highest scores repeatedly, and quickly if they have changed little.

    Each mask is exactly that of `topk_counts`; only the time depends on previous calls. For each group, the
    threshold is first searched near the last one, within a distance that adapts to how far it moved, or else
    near an estimate from a sample of the scores. Scores on a device are sorted there: the search would wait
    for it several times a group.
    """

    def __init__(self):
        self._keep: dict[str, torch.Tensor] = {}
        # For each group, the key of its last threshold and how far that had moved.
        self._last: dict[str, tuple[int, int]] = {}

    def select(
        self, scores: Mapping[str, torch.Tensor], kept: Mapping[str, int] | int
    ) -> dict[str, torch.Tensor]:
        """Marks the highest scores.

        Args:
            scores: finite floating-point tensors of any shape, by name.
            kept: for each name, the number of weights to keep, from none to all; or one number for all
                matrices ranked together.

        Returns:
            For each name, a bool tensor with the shape and device of its scores, True where the weight is
            kept. The next call overwrites it.

        Raises:
            BadInput: the scores cannot be ranked, a matrix has no number, or a number is out of range. NaN
                and infinity are found on a CPU alone.
        """
        budgets = counted(scores, kept)
        for name, tensor in scores.items():
            buffer = self._keep.get(name)
            if buffer is None or (buffer.shape, buffer.device) != (tensor.shape, tensor.device):
                self._keep[name] = torch.empty(tensor.shape, dtype=torch.bool, device=tensor.device)
        jobs = [(scores, budget) for budget in budgets]
        each(self._mark, jobs, serial=not on_host(scores.values()))
        return {name: self._keep[name] for name in scores}

    def _mark(self, scores: Mapping[str, torch.Tensor], budget: Budget) -> None:
        vectors = vectors_of(scores, budget.names)
        out = [self._keep[name].view(-1) for name in budget.names]
        if not all(vector.on_host for vector in vectors):
            from workbench.masks.ranking.kernels_torch import mark_highest

            mark_highest([vector.bits(0, vector.size) for vector in vectors], budget.kept, out)
            return
        last = self._last.get(budget.group)
        choice = choose(vectors, budget.kept, last and _window(*last, vectors[0].layout))

        def mark(i: int, start: int, stop: int, ties: int) -> int:
            bits = vectors[i].bits(start, stop)
            return vectors[i].kernels.mark(bits, choice.threshold, ties, out[i][start:stop])

        marked(vectors, choice, mark)
        self._last[budget.group] = choice.threshold, abs(choice.threshold - last[0]) if last else 0


def _window(threshold: int, moved: int, layout: Layout) -> Window | None:
    """The window to search, given the last threshold and how far it had moved; None if it moved too far."""
    # Four times the last move: thresholds drift, and a window that is too narrow costs an extra pass.
    reach = max(4 * moved, 1 << layout.mantissa - _LEAST)
    near = reach <= 1 << layout.mantissa - _MOST
    return Window.of(threshold - reach, threshold + reach, layout) if near else None
