"""Shared by the gradual engines: sparsity that rises along a cubic curve within one training."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from workbench.engines.base import Scope
from workbench.engines.bench import Bench, State
from workbench.engines.ranking import RankingEngine
from workbench.errors import BadInput
from workbench.masks import Mask, topk_mask
from workbench.schedules import Cycles, Linear, cubic_sparsity
from workbench.scores import Scores
from workbench.settings import NonNegative, Positive, Share, settings
from workbench.stages import Stage
from workbench.training import Sparsifier
from workbench.training.sparsifier import multiply


@settings
class GradualEngine(RankingEngine):
    """Trains once and prunes along the way: s = s_f + (s_0 - s_f) (1 - (e - e_0) / (e_1 - e_0))^3.

    Epochs count within `epochs`: a scale or `total_steps` compresses all of them equally. Pruning steps that
    fall on the same optimizer step are merged. If `start_epoch` equals `end_epoch`, there is one pruning
    step, to the final sparsity; with `start="dense"` and both at 0, the engine is one-shot.

    Attributes:
        scope: the group within which weights are ranked.
        first_sparsity: s_0, the sparsity after the first pruning step; at most the final sparsity.
        start_epoch: e_0, the time of the first pruning step.
        end_epoch: e_1, the time of the last pruning step.
        prunings_per_epoch: pruning steps per epoch in between.
        cycle_epochs: length of a learning-rate cycle, within which the rate decays to a hundredth of its
            peak; None for a single linear decay to zero over the whole training.
        start: the pretrained encoder with a fresh head, as in the papers, or the dense fine-tuned model.
        keep: which weights to keep among those evaluated at the final sparsity: the best or the last.
    """

    scope: Scope = "matrix"
    first_sparsity: Share = 0.0
    start_epoch: NonNegative = 1.0
    end_epoch: NonNegative = 8.0
    prunings_per_epoch: Positive = 10.0
    cycle_epochs: Positive | None = None
    start: Literal["pretrained", "dense"] = "pretrained"
    keep: Literal["best", "last"] = "best"

    def __post_init__(self):
        super().__post_init__()
        if not self.start_epoch <= self.end_epoch <= self.epochs:
            raise BadInput(
                f"{self.id}: pruning from epoch {self.start_epoch} to {self.end_epoch} does not fit into "
                f"{self.epochs} epochs. Give start_epoch <= end_epoch <= epochs."
            )

    def plan(self, steps: int) -> dict[int, float]:
        """Maps the optimizer step before which to prune to the sparsity to reach; the last is `sparsity`."""
        span = self.end_epoch - self.start_epoch
        count = max(1, round(span * self.prunings_per_epoch)) if span else 0
        first = min(self.first_sparsity, self.sparsity)
        plan = {}
        for pruning in range(count + 1):
            progress = pruning / count if count else 1.0
            step = round((self.start_epoch + span * progress) / self.epochs * steps)
            # A pruning step precedes the training step of the same number, and the last one is steps - 1.
            plan[min(step, steps - 1)] = cubic_sparsity(progress, first, self.sparsity)
        return plan

    def train(self, bench: Bench, steps: int, sparsifier: Sparsifier) -> State:
        """Runs the single training stage."""
        schedule = Linear
        if self.cycle_epochs is not None:
            schedule = partial(Cycles, cycles=self.epochs / self.cycle_epochs)
        return bench.train(
            Stage.level(1),
            self.first_state(bench),
            self.training_config(steps, schedule=schedule, keep=self.keep),
            sparsifier,
        )


class GradualPruning(Sparsifier, ABC):
    """Chooses a new mask of the planned sparsity before each planned step.

    Pruned weights are zero and stay pruned, unless a subclass keeps values behind the mask.

    Attributes:
        kept: the mask as ones and zeros of the weights' dtype; empty before the first pruning step. A product
            with these is ten times as quick as `masked_fill` on a CPU (docs/results/masking.py).
    """

    def __init__(self, plan: Mapping[int, float], scope: Scope, pattern: str = "unstructured"):
        self.scope = scope
        self.pattern = pattern
        self._plan = dict(plan)

    @abstractmethod
    def choose(self, sparsity: float) -> Mask:
        """Chooses the next mask. The current one is applied to the model, whose weights may be changed."""

    def highest(self, scores: Scores, sparsity: float) -> Mask:
        """The mask of the highest scores, among the weights that may be kept."""
        return topk_mask(self.among_kept(scores), sparsity, self.scope, self.pattern)

    def begin(self) -> None:
        """Starts dense."""
        self._mask: Mask | None = None
        self.kept: dict[str, Tensor] = {}

    @torch.no_grad()
    def before_forward(self) -> None:
        """Prunes if the plan has this step."""
        sparsity = self._plan.get(self.training.step)
        if sparsity is not None:
            self.hold(None)
            self.put(self.choose(sparsity))

    @torch.no_grad()
    def before_step(self) -> None:
        """Sets the gradients of pruned weights to zero, which matters only where gradients are clipped."""
        multiply((weight.grad, kept) for _, weight, kept in self._masked() if weight.grad is not None)

    @torch.no_grad()
    def after_step(self) -> None:
        """Re-applies the mask."""
        self.cover()

    def put(self, mask: Mask) -> None:
        """Makes a mask the current one and applies it."""
        self._mask = mask
        self.kept = {name: mask[name].to(weight) for name, weight in self.weights.items()}
        self.cover()
        self.hold(mask)

    def cover(self) -> None:
        """Sets the pruned weights to zero."""
        multiply((weight, kept) for _, weight, kept in self._masked())

    def among_kept(self, scores: Scores) -> Scores:
        """The scores, with the lowest value for weights that are already pruned."""
        if not self.kept:
            return scores
        return {
            name: score.masked_fill(self.kept[name] == 0, torch.finfo(score.dtype).min)
            for name, score in scores.items()
        }

    @property
    def mask(self) -> Mask | None:
        """The current mask; None before the first pruning step."""
        return self._mask

    @property
    def changed_at(self) -> int:
        """The last planned step so far, whether or not the mask changed there."""
        return max((step for step in self._plan if step < self.training.step), default=0)

    @property
    def settled_at(self) -> int:
        """The last planned step."""
        return max(self._plan)

    @property
    def settled(self) -> bool:
        """Whether the last planned pruning step is done."""
        return self.training.step > max(self._plan)

    @torch.no_grad()
    def check(self) -> None:
        """Every pruned weight must be zero."""
        for name, weight, kept in self._masked():
            if torch.count_nonzero(weight * (1 - kept)):
                raise RuntimeError(f"a pruned weight of {name} is not zero at step {self.training.step}")

    def tensors(self) -> dict[str, Tensor]:
        """The pruned positions."""
        return {f"gone.{name}": kept == 0 for name, kept in self.kept.items()}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restores the mask of a checkpoint."""
        self.begin()
        kept = {name: ~tensors[f"gone.{name}"] for name in self.weights if f"gone.{name}" in tensors}
        if kept:
            self.put(Mask.from_tensors(kept))

    def _masked(self) -> list[tuple[str, Tensor, Tensor]]:
        """The matrices that are dense parameters, with their masks."""
        return [(name, weight, self.kept[name]) for name, weight in self.weights.items() if name in self.kept]
