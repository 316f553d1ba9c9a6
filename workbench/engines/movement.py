"""Movement pruning (Sanh, Wolf and Rush 2020, arXiv 2005.07683)."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from workbench.engines.bench import Bench, State
from workbench.engines.scored import ScoredEngine, ScoredWeights
from workbench.masks import TopKTracker, kept_count
from workbench.schedules import cubic_sparsity
from workbench.settings import Count, Share, settings


@settings
class FinePruning(ScoredEngine):
    """What hard and soft movement pruning share: weights and scores are trained together.

    Embeddings are frozen and the head is trained (section 5). The defaults are those of the released code for
    SQuAD, its 5,400 steps of warm-up as a tenth of the ten epochs: a tenth before the first pruning and a
    fifth after the last. The batch of 32 is that of CAP's scripts for GLUE, which build on this code; for the
    number of epochs on GLUE the paper has 6 to 10. The dense model gives half of the loss, as in the paper's
    experiments with distillation; those without have `distillation.mode=none`. `gmp`, the magnitude pruning
    of the same paper, has the latter by default: to compare, set them equal.

    Attributes:
        start: the pretrained encoder with a fresh head, as in the paper, or the dense fine-tuned model.
    """

    batch_size: Count = 32
    ramp_from: Annotated[float, Field(ge=0, lt=1)] = 0.1
    ramp_until: Share = 0.8
    freeze_embeddings: bool = True
    start: Literal["pretrained", "dense"] = "pretrained"

    def first(self, bench: Bench) -> State:
        """Where the training starts."""
        return bench.dense() if self.start == "dense" else bench.pretrained()


@settings
class Movement(FinePruning):
    """Keeps the weights that training moves away from zero: S = -lr_S sum over steps of dL/dW W.

    Section 4, equation 3 with Top_v as in "hard movement pruning"; the sparsity rises as in equation 5.

    Attributes:
        scope: what the scores are ranked within, as in the code's default, or over all matrices together.
    """

    id: ClassVar[str] = "movement"

    scope: Literal["matrix", "global"] = "matrix"

    def prune(self, bench: Bench) -> State:
        """Fine-tunes and prunes in one training."""
        return self.train(bench, self.first(bench), HardScores(self))


class HardScores(ScoredWeights):
    """M = Top_v(S), v falling with the schedule."""

    def __init__(self, engine: Movement):
        super().__init__(engine)
        self._tracker = TopKTracker()

    def choose(self) -> Mapping[str, Tensor]:
        """The weights with the highest scores, of equal ones the first."""
        sparsity = cubic_sparsity(self.progress, 0.0, self.engine.sparsity)
        kept = {name: kept_count(score.numel(), sparsity) for name, score in self.scores.items()}
        if self.engine.scope == "global":
            return self._tracker.select(self.scores, sum(kept.values()))
        return self._tracker.select(self.scores, kept)
