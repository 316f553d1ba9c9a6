"""Soft movement pruning (Sanh, Wolf and Rush 2020, arXiv 2005.07683)."""

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from workbench.engines.bench import Bench, State
from workbench.engines.movement import FinePruning
from workbench.engines.scored import ScoredWeights, regulariser
from workbench.errors import BadInput
from workbench.masks import TopKTracker, kept_count
from workbench.schedules import cubic_sparsity
from workbench.settings import NonNegative, settings

FLOOR = 0.005


@settings
class SoftMovement(FinePruning):
    """Movement pruning with a threshold on sigmoid(S) and a penalty that pushes scores below it.

    M = 1[sigmoid(S) > tau], where tau rises from 0 along the schedule that others use for the sparsity, and
    at least 0.5 % of each matrix is kept (section 4 and the code's `sigmoied_threshold`). The penalty is
    lambda tau_t / tau * mean over matrices of mean sigmoid(S), as in the released code; the paper has a sum.

    In the paper, the sparsity is whatever results from lambda. Here methods are compared at equal sparsity,
    so the threshold applies only while tau rises; from `ramp_until` on, the mask keeps exactly as many
    weights as `sparsity` says: the highest scores of all matrices together, and the same 0.5 %. The
    evaluations before that point (events.jsonl) show how sparse the threshold alone made the model; with a
    suitable lambda there is no jump. A score must fall by 2.2 to reach the threshold, so T steps need a
    `score_lr` well above 4.4 / T; the code's 0.01 is for 55,000 steps. Published values of lambda for
    trainings of bert-base of that length: 400 on SQuAD (sparsity not stated), and with CAP's losses 290 for
    90 % and 680 for 97 % on MNLI.

    Attributes:
        threshold: final value of tau.
        penalty: final value of lambda for bert-base; it is scaled for other numbers of prunable weights.
    """

    id: ClassVar[str] = "soft-movement"

    threshold: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    penalty: NonNegative = 400.0

    def __post_init__(self):
        super().__post_init__()
        if self.sparsity > 1 - FLOOR:
            raise BadInput(
                f"soft-movement: sparsity is {self.sparsity}, but the method keeps {FLOOR:.1%} of every "
                f"matrix. Give at most {1 - FLOOR}."
            )

    @property
    def ranked_within(self) -> str:
        """All matrices together, once the sparsity is final."""
        return "global"

    def prune(self, bench: Bench) -> State:
        """Fine-tunes and prunes in one training."""
        return self.train(bench, self.first_state(bench), SoftScores(self))


class SoftScores(ScoredWeights):
    """M = 1[sigmoid(S) > tau], and Top_v(S) once the sparsity is final."""

    def __init__(self, engine: SoftMovement):
        super().__init__(engine)
        self._floor, self._top = TopKTracker(), TopKTracker()

    def penalty(self) -> Tensor:
        """R(S), with a weight that rises with the threshold."""
        return regulariser(self.scores, cubic_sparsity(self.progress, 0.0, self.engine.penalty))

    def choose(self) -> Mapping[str, Tensor]:
        """Keeps the floor of each matrix, and all scores above the threshold or exactly the final number."""
        scores = self.ranked
        least = {name: self._least(score.numel()) for name, score in scores.items()}
        floor = self._floor.select(scores, least)
        if not self.settled:
            threshold = cubic_sparsity(self.progress, 0.0, self.engine.threshold)
            lowest = torch.tensor(threshold).logit().item()
            return {name: floor[name] | (score > lowest) for name, score in scores.items()}
        highest = torch.finfo(torch.float32).max
        ranked = {name: score.detach().masked_fill(floor[name], highest) for name, score in scores.items()}
        kept = kept_count(sum(score.numel() for score in scores.values()), self.engine.sparsity)
        return self._top.select(ranked, kept)

    def _least(self, size: int) -> int:
        """The floor of a matrix, rounded up unless the sparsity leaves no room for that."""
        return min(math.ceil(FLOOR * size), kept_count(size, self.engine.sparsity))
