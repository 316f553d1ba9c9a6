"""One-shot pruning, by magnitude or another criterion."""

from typing import ClassVar

from workbench.engines.base import Engine, Scope
from workbench.engines.bench import Bench, State
from workbench.masks import topk_mask
from workbench.schedules import Linear
from workbench.scores import find_criterion
from workbench.settings import settings
from workbench.stages import Stage


@settings
class Magnitude(Engine):
    """Removes the smallest weights of the dense fine-tuned model at once, then fine-tunes.

    The plainest baseline there is (`prune_type` 0 of paper A's code, in one level).

    Attributes:
        criterion: what counts as small: magnitude, wanda, first_order, random, or one of your own.
        scope: what the magnitudes are ranked within.
    """

    id: ClassVar[str] = "magnitude"

    criterion: str = "magnitude"
    scope: Scope = "matrix"

    def __post_init__(self):
        find_criterion(self.criterion)

    def prune(self, bench: Bench) -> State:
        """Prunes once and trains once."""
        dense = bench.dense()
        mask = topk_mask(bench.scores(dense, self.criterion), self.sparsity, self.scope)
        return bench.train(
            Stage.level(1), dense, self.training_config(self.train_steps(bench), schedule=Linear), mask
        )
