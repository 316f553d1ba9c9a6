"""SET: sparse evolutionary training (Mocanu et al., Nature Communications 9, 2018)."""

import math
from typing import ClassVar, Literal

import torch

from workbench.engines.bench import Bench, State
from workbench.engines.densities import Densities
from workbench.engines.dynamic import DynamicEngine, DynamicMask
from workbench.masks import Mask, topk_counts
from workbench.randomness import derive
from workbench.scores import Scores, random
from workbench.settings import Count, Share, settings


@settings
class SET(DynamicEngine):
    """After each epoch, drops the weights closest to zero on either side and grows as many at random.

    Algorithm 1: the share zeta, `drop`, of the smallest positive weights and of the largest negative ones is
    removed from each matrix, and as many new ones are added at random. The first mask is an Erdos-Renyi
    graph. The defaults are the paper's: "er", zeta 0.3 throughout, after each epoch. A kept weight of exactly
    zero counts as positive, and weights that were just removed can be drawn again.

    Deviations: the paper removes weights after the last epoch, too, without adding any; here, as in the
    released code for sparse data structures, the mask does not change there. That code draws new weights from
    N(0, 0.01), and the one for Keras begins with zeros, as here. The mask has exact counts instead of a
    probability per weight. See also `DynamicEngine`. To compare with `rigl` as its authors do, set interval,
    decay, until and densities to those of `rigl`; their code also ranks by magnitude only, whatever the sign.
    """

    id: ClassVar[str] = "set"

    densities: Densities = "er"
    decay: Literal["cosine", "constant"] = "constant"
    interval: Count | None = None
    until: Share = 1.0

    def prune(self, bench: Bench) -> State:
        """Trains once while the mask moves."""
        return self.train(bench, AtRandom)


class AtRandom(DynamicMask):
    """Drops the kept weights closest to zero on either side, before a step, and grows others at random."""

    def before_forward(self) -> None:
        """Updates the mask if the plan has this step."""
        step = self.training.step
        if step in self.plan:
            self.hold(None)
            self.exchange(self.plan[step], random(self.weights, derive(self.seed, "grow", step)))

    def survivors(self, share: float) -> Mask:
        """The largest of the kept positive weights, and the smallest of the kept negative ones."""
        weights = {name: weight.detach() for name, weight in self.weights.items()}
        negated = {name: -weight for name, weight in weights.items()}
        positive = {name: self.mask[name].to(w.device) & (w >= 0) for name, w in weights.items()}
        negative = {name: self.mask[name].to(w.device) & (w < 0) for name, w in weights.items()}
        return _largest(weights, positive, share) | _largest(negated, negative, share)


def _largest(values: Scores, among: dict[str, torch.Tensor], share: float) -> Mask:
    """The highest values among some entries, without the given share of those, rounded down."""
    counts = {name: int(some.sum()) for name, some in among.items()}
    scores = {name: value.masked_fill(~among[name], -1.0) for name, value in values.items()}
    return topk_counts(scores, {name: n - math.floor(share * n) for name, n in counts.items()})
