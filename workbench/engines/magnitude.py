"""One-shot magnitude pruning."""

from typing import ClassVar

from workbench.engines.base import Bench, Engine, Scope, State
from workbench.masks import topk_mask
from workbench.schedules import Linear
from workbench.scores import magnitude
from workbench.settings import settings


@settings
class Magnitude(Engine):
    """Removes the smallest weights of the dense fine-tuned model at once, then fine-tunes.

    The plainest baseline there is (`prune_type` 0 of paper A's code, in one level).

    Attributes:
        scope: what the magnitudes are ranked within.
    """

    id: ClassVar[str] = "magnitude"

    scope: Scope = "matrix"

    def prune(self, bench: Bench) -> State:
        """Prunes once and trains once."""
        dense = bench.dense()
        mask = topk_mask(magnitude(dense.weights), self.sparsity, self.scope)
        return bench.train("level-1", dense, self.recipe(self.train_steps(bench), schedule=Linear), mask)
