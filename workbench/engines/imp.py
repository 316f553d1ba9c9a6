"""Iterative magnitude pruning."""

from typing import ClassVar

from workbench.engines.base import Bench, Scope, State
from workbench.engines.ladder import LadderEngine
from workbench.masks import topk_mask
from workbench.schedules import Constant, Linear
from workbench.scores import magnitude
from workbench.settings import Positive, settings


@settings
class IMP(LadderEngine):
    """Prune, train, and prune again, on the same ladder as `randomized`.

    The deterministic baseline of paper A (section 1: `experiment.py`): weights and optimizer moments
    are carried on from level to level. With `rewind` it is the lottery-ticket variant for pretrained
    encoders (Chen et al. 2020): before each level's training the encoder returns to its pretrained
    weights and the optimizer is fresh, while the head is kept, as in their code. There the ladder removes
    a tenth of the weights at a time; here it stays paper A's, so that levels compare.

    Attributes:
        scope: what the magnitudes are ranked within.
        rewind: train each level from the pretrained encoder.
    """

    id: ClassVar[str] = "imp"

    epochs: Positive = 15.0
    scope: Scope = "matrix"
    rewind: bool = False

    def prune(self, bench: Bench) -> State:
        """One magnitude mask a level; zeros rank last, so the masks are nested."""
        lengths = self.level_steps(bench)
        state = self.start(bench)
        for level, (sparsity, steps) in enumerate(zip(self.sparsities, lengths, strict=True), start=1):
            mask = topk_mask(magnitude(state.weights), sparsity, self.scope)
            parent = state.with_encoder_of(bench.pretrained()) if self.rewind else state
            schedule = Linear if level == len(lengths) else Constant
            state = bench.train(f"level-{level}", parent, self.recipe(steps, schedule=schedule), mask)
        return state
