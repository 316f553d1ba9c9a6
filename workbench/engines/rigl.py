"""RigL: weights are dropped by magnitude and grown by gradient (Evci et al., ICML 2020, arXiv 1911.11134)."""

import math
from typing import ClassVar

from workbench.engines.bench import Bench, State
from workbench.engines.dynamic import DynamicEngine, DynamicMask
from workbench.masks import Mask, topk_counts
from workbench.scores import magnitude
from workbench.settings import settings


@settings
class RigL(DynamicEngine):
    """Every `interval` steps, drops the smallest weights and grows those with the largest gradients.

    Algorithm 1: until T_end, in each matrix, k is f(t) = drop / 2 (1 + cos(t pi / T_end)) times its kept
    weights. The k kept weights with the smallest |w| are dropped, and the k others with the largest |dL/dw|
    are grown, those just dropped included. The update takes the place of the optimizer step, and the gradient
    of all weights, kept or not, is that of this step's batch. Only these steps need it.

    The defaults are the paper's: ERK, a random mask, drop 0.3 with cosine decay, an update every 100 steps,
    beginning at the first. The released code stops after 25,000 of 32,000 steps on ImageNet and 75,000 of
    97,656 on CIFAR-10; `until` is rounded to three quarters. Deviations: the code adds noise of 1e-5 to the
    magnitudes that decide what is dropped, here ties are broken by index; the code leaves the first layer or
    others dense in some settings, here every prunable matrix is sparse; see also `DynamicEngine`.
    """

    id: ClassVar[str] = "rigl"

    def prune(self, bench: Bench) -> State:
        """Trains once while the mask moves."""
        return self.train(bench, ByGradient)


class ByGradient(DynamicMask):
    """Drops the smallest kept weights and grows those with the largest gradients, instead of a step."""

    at_once = True
    replaces_step = True

    def before_forward(self) -> None:
        """Makes the model dense for the one gradient of all weights."""
        if self.training.step in self.plan:
            self.hold(None)

    def before_step(self) -> None:
        """At an update, changes the mask and removes all gradients; otherwise masks the gradients."""
        share = self.plan.get(self.training.step)
        if share is None:
            super().before_step()
            return
        self.exchange(share, magnitude({name: weight.grad for name, weight in self.weights.items()}))
        for parameter in self.training.model.parameters():
            parameter.grad = None

    def survivors(self, share: float) -> Mask:
        """The largest of the kept weights."""
        kept = {name: n - math.floor(share * n) for name, n in self.mask.kept_per_matrix().items()}
        return topk_counts(self.kept_only(magnitude(self.weights), -1.0), kept)
