"""One-shot pruning, by magnitude or another criterion."""

from typing import ClassVar

from workbench.engines.base import Scope
from workbench.engines.bench import Bench, State
from workbench.engines.ranking import RankingEngine
from workbench.masks import topk_mask
from workbench.schedules import Linear
from workbench.scores import find_criterion
from workbench.settings import settings
from workbench.stages import Stage


@settings
class Magnitude(RankingEngine):
    """Removes the lowest-scoring weights in one step, then fine-tunes.

    The simplest baseline (`prune_type` 0 in paper A's code, with one level), by default on the dense
    fine-tuned model, as in that code. With `start="pretrained"`, the pretrained encoder is pruned and learns
    the task under the mask.

    Attributes:
        criterion: the criterion that scores the weights: magnitude, wanda, first_order, random, or your own.
        scope: the group within which scores are ranked.
    """

    id: ClassVar[str] = "magnitude"

    criterion: str = "magnitude"
    scope: Scope = "matrix"

    def __post_init__(self):
        super().__post_init__()
        find_criterion(self.criterion)

    def prune(self, bench: Bench) -> State:
        """Prunes once and trains once."""
        state = self.first_state(bench)
        mask = topk_mask(bench.scores(state, self.criterion), self.sparsity, self.scope, self.pattern)
        return bench.train(
            Stage.level(1), state, self.training_config(self.train_steps(bench), schedule=Linear), mask
        )
