"""Gradual magnitude pruning, and the sparse fine-tuning that grew out of it."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from workbench.engines.base import Scope
from workbench.engines.bench import Bench, State
from workbench.engines.gradual import GradualEngine, GradualPruning
from workbench.masks import Mask, topk_mask
from workbench.scores import Scores, find_criterion
from workbench.settings import Count, Positive, settings
from workbench.training import CALIBRATION_BATCH_SIZE, CALIBRATION_BATCHES, Distillation, saliency


@settings
class GMP(GradualEngine):
    """Gradual magnitude pruning (Zhu and Gupta 2017; as the baseline MaP of Sanh et al. 2020).

    The defaults are those of Sanh et al.: labels alone, linear decay after a warm-up of a tenth, no pruning
    in the first tenth and the last fifth, frozen embeddings. They make a mask in every step, where here ten
    an epoch are made.

    The recipe `sparse-fine-tuning` sets what Kurtic et al. 2024 (CPAL, arXiv 2312.13547, appendix A) call
    GMP*: a first step to 70 %, cycles of the learning rate, ten prunings an epoch between the first and the
    last two, the teacher's logits alone, trained embeddings, the last weights. Whether they rank globally or
    by matrix was NOT FOUND; that pruned weights do not return is inferred from the code they build on. A
    limit on the gradient's norm was NOT FOUND, and there is none.

    Attributes:
        criterion: what the weights are ranked by.
        returning: pruned weights keep their value behind the mask and return when they rank high enough.
    """

    id: ClassVar[str] = "gmp"

    lr: Positive = 3e-5
    batch_size: Count = 32
    clip: Positive | None = 1.0
    freeze_embeddings: bool = True
    distillation: Distillation = Distillation(mode="none")
    criterion: str = "magnitude"
    returning: bool = True

    def __post_init__(self):
        super().__post_init__()
        find_criterion(self.criterion)

    def prune(self, bench: Bench) -> State:
        """Ranks, prunes and trains on, again and again."""
        steps = self.train_steps(bench)
        kind = ReturningPruning if self.returning else CriterionPruning
        return self.train(bench, steps, kind(self.plan(steps), self.scope, self.criterion, bench.seed))


class CriterionPruning(GradualPruning):
    """Keeps the highest scores of a criterion; pruned weights are zero and stay pruned."""

    def __init__(self, plan: Mapping[int, float], scope: Scope, criterion: str, seed: int):
        """Plans.

        Args:
            plan, scope: as in `GradualPruning`.
            criterion: the name of what ranks.
            seed: for a criterion that draws lots.
        """
        super().__init__(plan, scope)
        self._criterion = criterion
        self._seed = seed

    def choose(self, sparsity: float) -> Mask:
        """The weights that score highest at present."""
        batches = self.training.sample(CALIBRATION_BATCHES, CALIBRATION_BATCH_SIZE)
        with torch.enable_grad():
            scores = saliency(
                self._criterion, self.values(), seed=self._seed, model=self.training.model, batches=batches
            )
        return topk_mask(self.among_kept(scores), sparsity, self.scope)

    def values(self) -> Mapping[str, Tensor]:
        """What is scored."""
        return self.weights


class ReturningPruning(CriterionPruning):
    """Pruned weights keep their values behind the mask and are scored by them.

    Behind the mask a weight has no gradient, since dL/dW = dL/dW' * M, and moves by the optimizer's
    momentum alone, as in Sanh et al.'s code (inferred). A criterion's gradients are those of W', as if
    nothing were masked.
    """

    def begin(self) -> None:
        """Starts dense."""
        super().begin()
        self._behind: dict[str, Tensor] = {}

    @torch.no_grad()
    def before_step(self) -> None:
        """Gives the optimizer the values behind the mask too."""
        for name, gone in self.gone.items():
            self.weights[name].grad.masked_fill_(gone, 0)
        self._uncover()

    def put(self, mask: Mask) -> None:
        """Makes a mask the present one, in place of the one before."""
        self._uncover()
        super().put(mask)

    def cover(self) -> None:
        """Puts the pruned weights behind the mask."""
        for name, gone in self.gone.items():
            self._behind[name] = self.weights[name].masked_fill(~gone, 0)
        super().cover()

    def among_kept(self, scores: Scores) -> Scores:
        """The scores of all weights."""
        return scores

    def values(self) -> Mapping[str, Tensor]:
        """The weights as they are behind the mask."""
        return {name: weight + self._behind.get(name, 0) for name, weight in self.weights.items()}

    def tensors(self) -> dict[str, Tensor]:
        """What is pruned, and the values behind the mask."""
        return super().tensors() | {f"behind.{name}": values for name, values in self._behind.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Puts on the mask of a checkpoint, with what was behind it."""
        super().restore(tensors)
        for name in self._behind:
            self._behind[name] = tensors[f"behind.{name}"].to(self.weights[name])

    def _uncover(self) -> None:
        for name, values in self._behind.items():
            self.weights[name].add_(values)
