"""Gradual magnitude pruning, and the sparse fine-tuning recipe that is based on it."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from workbench.engines.base import Scope
from workbench.engines.bench import Bench, State
from workbench.engines.gradual import GradualEngine, GradualPruning
from workbench.masks import Mask
from workbench.scores import Scores, find_criterion
from workbench.settings import Count, Positive, settings
from workbench.training import CALIBRATION_BATCH_SIZE, CALIBRATION_BATCHES, Distillation, saliency


@settings
class GMP(GradualEngine):
    """Gradual magnitude pruning (Zhu and Gupta 2017; the baseline MaP of Sanh et al. 2020).

    The defaults are those of Sanh et al.: labels only, linear decay after 10 % warm-up, no pruning in the
    first tenth and the last fifth, frozen embeddings. They update the mask at every step; here it is updated
    ten times per epoch.

    The recipe `sparse-fine-tuning` sets what Kurtic et al. 2024 (CPAL, arXiv 2312.13547, appendix A) call
    GMP*: a first step to 70 %, a cyclic learning rate, ten pruning steps per epoch except in the first two
    and the last two epochs, distillation from the teacher's logits only, trainable embeddings, and the last
    weights instead of the best. NOT FOUND: whether they rank globally or per matrix. Inferred from the code
    they build on: pruned weights do not return. NOT FOUND: any gradient clipping. The recipe uses 1.0, the
    default of the library that their scripts train with (inferred, as for `smp`).

    Attributes:
        criterion: the criterion that ranks the weights.
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
        """Trains once, and ranks and prunes at every planned step."""
        steps = self.train_steps(bench)
        kind = ReturningPruning if self.returning else CriterionPruning
        plan, seed = self.plan(steps), bench.seed
        return self.train(bench, steps, kind(plan, self.scope, self.criterion, seed, self.pattern))


class CriterionPruning(GradualPruning):
    """Keeps the highest scores of a criterion; pruned weights are zero and stay pruned."""

    def __init__(
        self,
        plan: Mapping[int, float],
        scope: Scope,
        criterion: str,
        seed: int,
        pattern: str = "unstructured",
    ):
        """Stores the plan.

        Args:
            plan, scope, pattern: as in `GradualPruning`.
            criterion: name of the criterion that ranks the weights.
            seed: seed of a criterion that is random.
        """
        super().__init__(plan, scope, pattern)
        self._criterion = criterion
        self._seed = seed

    def choose(self, sparsity: float) -> Mask:
        """Keeps the weights with the highest current scores."""
        batches = self.training.sample(CALIBRATION_BATCHES, CALIBRATION_BATCH_SIZE)
        with torch.enable_grad():
            scores = saliency(
                self._criterion, self.values(), seed=self._seed, model=self.training.model, batches=batches
            )
        return self.highest(scores, sparsity)

    def values(self) -> Mapping[str, Tensor]:
        """The values that are scored."""
        return self.weights


class ReturningPruning(CriterionPruning):
    """Pruned weights keep their values behind the mask and are scored by those values.

    A weight behind the mask has no gradient, since dL/dW = dL/dW' * M, so only the optimizer's momentum moves
    it, as in the code of Sanh et al. (inferred). A criterion sees the gradients with respect to W', as if
    nothing were masked.
    """

    def begin(self) -> None:
        """Starts dense."""
        super().begin()
        self._behind: dict[str, Tensor] = {}

    @torch.no_grad()
    def before_step(self) -> None:
        """Restores the values behind the mask, so that the optimizer updates them too."""
        super().before_step()
        self._uncover()

    def hold(self, mask: Mask | None) -> None:
        """Leaves the model dense, since the values behind the mask are trained."""

    def put(self, mask: Mask) -> None:
        """Replaces the current mask."""
        self._uncover()
        super().put(mask)

    def cover(self) -> None:
        """Moves the pruned weights behind the mask."""
        behind = {name: self.weights[name].clone() for name in self.kept}
        super().cover()
        for name, values in behind.items():
            self._behind[name] = values.sub_(self.weights[name])

    def among_kept(self, scores: Scores) -> Scores:
        """All scores, since pruned weights may return."""
        return scores

    def values(self) -> Mapping[str, Tensor]:
        """The weights, with pruned ones at their value behind the mask."""
        return {name: weight + self._behind.get(name, 0) for name, weight in self.weights.items()}

    def tensors(self) -> dict[str, Tensor]:
        """The pruned positions and the values behind the mask."""
        return super().tensors() | {f"behind.{name}": values for name, values in self._behind.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restores the mask of a checkpoint and the values behind it."""
        super().restore(tensors)
        for name in self._behind:
            self._behind[name] = tensors[f"behind.{name}"].to(self.weights[name])

    def _uncover(self) -> None:
        for name, values in self._behind.items():
            self.weights[name].add_(values)
