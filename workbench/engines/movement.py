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
    """Shared by hard and soft movement pruning: weights and scores are trained together.

    Embeddings are frozen and the head is trained (section 5). The defaults are those of the released code for
    SQuAD, with its 5,400 warm-up steps as a tenth of the ten epochs: pruning starts after a tenth of the
    training and ends a fifth before its end. The batch size of 32 is that of CAP's scripts for GLUE, which
    build on this code; the paper trains for 6 to 10 epochs on GLUE. Distillation from the dense model is half
    of the loss, as in the paper's experiments with distillation; for those without, set
    `distillation.mode=none`. That is the default of `gmp`, the magnitude pruning of the same paper: set the
    two equal to compare them.

    Attributes:
        start: the pretrained encoder with a fresh head, as in the paper, or the dense fine-tuned model.
    """

    batch_size: Count = 32
    ramp_from: Annotated[float, Field(ge=0, lt=1)] = 0.1
    ramp_until: Share = 0.8
    freeze_embeddings: bool = True
    start: Literal["pretrained", "dense"] = "pretrained"


@settings
class Movement(FinePruning):
    """Keeps the weights that training moves away from zero: S = -lr_S sum over steps of dL/dW W.

    Section 4, equation 3, with Top_v as in "hard movement pruning"; the sparsity rises as in equation 5.

    Attributes:
        scope: rank the scores within each matrix, the default of the code, or over all matrices together.
    """

    id: ClassVar[str] = "movement"

    scope: Literal["matrix", "global"] = "matrix"

    def prune(self, bench: Bench) -> State:
        """Fine-tunes and prunes in one training."""
        return self.train(bench, self.first_state(bench), HardScores(self))


class HardScores(ScoredWeights):
    """M = Top_v(S), with v decreasing along the schedule."""

    def __init__(self, engine: Movement):
        super().__init__(engine)
        self._tracker = TopKTracker()

    def choose(self) -> Mapping[str, Tensor]:
        """Keeps the weights with the highest scores, the first ones among equals."""
        sparsity = cubic_sparsity(self.progress, 0.0, self.engine.sparsity)
        ranked = self.ranked
        sizes = {name: score.numel() for name, score in ranked.items()}
        if self.engine.scope == "global":
            return self._tracker.select(ranked, kept_count(sum(sizes.values()), sparsity))
        return self._tracker.select(ranked, {name: kept_count(n, sparsity) for name, n in sizes.items()})
