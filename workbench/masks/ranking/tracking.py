"""Exact ranking at every training step, for masks that are learned with scores."""

from collections.abc import Mapping

import torch

from workbench.masks.parallel import each
from workbench.masks.ranking.keys import Layout
from workbench.masks.ranking.selection import Window, choose, marked
from workbench.masks.ranking.topk import Budget, counted
from workbench.masks.ranking.vectors import on_host, vectors_of

# How far from the last threshold the next is looked for, in shares of a magnitude: at least 1/512, which
# holds so few scores that reading the others takes longer; up to 1/64, beyond which a sample knows better.
_LEAST, _MOST = 9, 6


class TopKTracker:
    """Chooses the highest scores again and again, quickly where they have changed little.

    The mask of each step is exactly that of `topk_counts`; only the time it takes depends on the steps
    before. For each group the threshold is looked for near the last one first, within a distance that
    follows how far it moved, or near where a sample of the scores has it.
    """

    def __init__(self):
        self._keep: dict[str, torch.Tensor] = {}
        # For each group the key of its last threshold, and how far it had moved.
        self._last: dict[str, tuple[int, int]] = {}

    def select(
        self, scores: Mapping[str, torch.Tensor], kept: Mapping[str, int] | int
    ) -> dict[str, torch.Tensor]:
        """Marks the highest scores.

        Args:
            scores: names and floating-point tensors of any shape, finite.
            kept: for each name how many weights to keep, from none to all; or one number for all matrices
                ranked together.

        Returns:
            for each name a bool tensor of the shape and on the device of its scores, True where the weight
            is kept. The next call overwrites it.

        Raises:
            BadInput: scores that cannot be ranked, a matrix without a number, or an impossible number.
        """
        budgets = counted(scores, kept)
        for name, tensor in scores.items():
            held = self._keep.get(name)
            if held is None or (held.shape, held.device) != (tensor.shape, tensor.device):
                self._keep[name] = torch.empty(tensor.shape, dtype=torch.bool, device=tensor.device)
        jobs = [(scores, budget) for budget in budgets]
        each(self._mark, jobs, serial=not on_host(scores.values()))
        return {name: self._keep[name] for name in scores}

    def _mark(self, scores: Mapping[str, torch.Tensor], budget: Budget) -> None:
        vectors = vectors_of(scores, budget.names)
        out = [self._keep[name].view(-1) for name in budget.names]
        last = self._last.get(budget.group)
        choice = choose(vectors, budget.kept, last and _window(*last, vectors[0].layout))

        def mark(i: int, start: int, stop: int, ties: int) -> int:
            bits = vectors[i].bits(start, stop)
            return vectors[i].kernels.mark(bits, choice.threshold, ties, out[i][start:stop])

        marked(vectors, choice, mark)
        self._last[budget.group] = choice.threshold, abs(choice.threshold - last[0]) if last else 0


def _window(threshold: int, moved: int, layout: Layout) -> Window | None:
    """Where a threshold may be that was at a key and had moved so far; None where that says little."""
    # Four times the last move: thresholds drift, and a window that is too narrow costs a whole pass.
    reach = max(4 * moved, 1 << layout.mantissa - _LEAST)
    near = reach <= 1 << layout.mantissa - _MOST
    return Window.of(threshold - reach, threshold + reach, layout) if near else None
