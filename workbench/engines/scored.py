"""Masks computed from trained scores: shared by static model pruning and movement pruning."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from workbench.engines.bench import Bench, State
from workbench.engines.ranking import RankingEngine
from workbench.errors import BadInput
from workbench.masks import Mask
from workbench.schedules import Linear
from workbench.settings import Positive, Share, settings
from workbench.stages import Stage
from workbench.training import Distillation, Sparsifier
from workbench.training.sparsifier import Training

# Number of prunable weights in bert-base.
BERT_BASE = 84_934_656


@settings
class ScoredEngine(RankingEngine):
    """Trains scores, and optionally weights, in one stage while the sparsity rises to its final value.

    Attributes:
        score_lr: peak learning rate of the scores; `lr` is that of the weights, and both follow the same
            schedule. With Adam, a pure ranking of scores does not depend on it; a regulariser, a threshold
            and SMP-S do.
        ramp_from: share of the training before the first pruning step.
        ramp_until: share of the training after which the number of kept weights is final. Which weights are
            kept can still change.
    """

    lr: Positive = 3e-5
    clip: Positive | None = 1.0
    distillation: Distillation = Distillation(mode="logits", temperature=2.0, hardness=0.5)
    score_lr: Positive = 1e-2
    ramp_from: Annotated[float, Field(ge=0, lt=1)] = 0.0
    ramp_until: Share = 0.6

    def __post_init__(self):
        super().__post_init__()
        if self.ramp_from >= self.ramp_until:
            raise BadInput(
                f"{self.id}: ramp_from is {self.ramp_from} and ramp_until is {self.ramp_until}. Pruning must "
                "start before it ends: give ramp_from < ramp_until."
            )

    def train(self, bench: Bench, state: State, scores: "ScoredWeights") -> State:
        """Runs the single training stage, with linear decay of both learning rates."""
        return bench.train(
            Stage.level(1), state, self.training_config(self.train_steps(bench), schedule=Linear), scores
        )


class ScoredWeights(Sparsifier, ABC):
    """Scores S with a straight-through estimator; the mask M is a function of S and of the step.

    The forward pass uses W' = W * M. The scores receive the gradient as if M were S itself,
    dL/dS = dL/dW' * W, even where weights are pruned (Sanh et al. 2020, section 4; Jiang et al. 2023,
    equation 3). Trained weights receive dL/dW = dL/dW' * M. Scores start at 0.

    With a pattern of blocks or rows, every weight still has its own score, and the mean scores of the groups
    are ranked in their place. Lagunas et al. 2021 train one score per block, whose gradient is the sum of
    these. With n:m, the n highest scores of every m have the highest rank.

    The model's parameters hold W', except during the optimizer step, when they hold W.

    Attributes:
        trains_weights: whether the prunable weights are trained as well.
    """

    trains_weights = True

    def __init__(self, engine: ScoredEngine):
        self.engine = engine
        self.lr = engine.score_lr

    def trains(self, name: str) -> bool:
        """Whether a non-prunable parameter is trained; frozen embeddings never are."""
        return True

    @abstractmethod
    def choose(self) -> Mapping[str, Tensor]:
        """Computes M for the current scores, `ranked`: a bool tensor for each of them."""

    @property
    def ranked(self) -> dict[str, Tensor]:
        """The scores to rank: those of the weights, or of their groups if the engine has a pattern."""
        return self.engine.arrangement.ranked(self.scores)

    def attach(self, training: Training) -> None:
        """Creates the scores, and freezes the parameters that are not trained."""
        super().attach(training)
        self.scores = {name: nn.Parameter(torch.zeros_like(weight)) for name, weight in self.weights.items()}
        for name, parameter in training.model.named_parameters():
            parameter.requires_grad_(name in self.weights or self.trains(name))
        steps = training.config.steps
        self._first = min(round(self.engine.ramp_from * steps), steps - 1)
        self._last = min(max(round(self.engine.ramp_until * steps), self._first + 1), steps)

    def begin(self) -> None:
        """Sets W to the model's weights."""
        self._take({name: weight.detach() for name, weight in self.weights.items()})

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restores W from a checkpoint; the mask follows from the scores."""
        self._take({name: tensors[f"latent.{name}"] for name in self.weights})

    def tensors(self) -> dict[str, Tensor]:
        """W, since the model does not hold its pruned entries."""
        return {f"latent.{name}": weight for name, weight in self._latent.items()}

    def parameters(self) -> dict[str, nn.Parameter]:
        """The scores."""
        return {f"score.{name}": score for name, score in self.scores.items()}

    @property
    def progress(self) -> float:
        """The completed share of the pruning schedule, in [0, 1]."""
        passed = (self.training.step - self._first) / (self._last - self._first)
        return min(max(passed, 0.0), 1.0)

    @property
    def changed_at(self) -> int:
        """The current step, since trained scores may change the mask at every step."""
        return self.training.step

    @property
    def settled_at(self) -> int:
        """The step from which the number of kept weights is final."""
        return self._last

    @property
    def settled(self) -> bool:
        """Whether the number of kept weights is final."""
        return self.training.step >= self._last

    @property
    def mask(self) -> Mask:
        """The current mask."""
        return Mask.from_tensors(self._keep)

    @torch.no_grad()
    def before_step(self) -> None:
        """Computes the gradients of W and S from that of W', and puts W into the parameters."""
        for name, weight in self.weights.items():
            score, gradient = self.scores[name], weight.grad
            through = gradient * self._latent[name]
            score.grad = through if score.grad is None else score.grad.add_(through)
            if self.trains_weights:
                weight.grad.mul_(self._keep[name])
                weight.data = self._latent[name]
            else:
                weight.grad = None

    def after_step(self) -> None:
        """Chooses the weights to keep, and puts W' back into the parameters."""
        self._prune()

    @torch.no_grad()
    def check(self) -> None:
        """Every weight must equal W exactly where it is kept, and 0 elsewhere."""
        for name, weight in self.weights.items():
            if not torch.equal(weight, self._latent[name] * self._keep[name]):
                raise RuntimeError(f"a weight of {name} does not match its mask at step {self.training.step}")

    def _take(self, latent: Mapping[str, Tensor]) -> None:
        self._latent = {name: latent[name].to(weight, copy=True) for name, weight in self.weights.items()}
        self._seen = {name: weight.data for name, weight in self.weights.items()}
        self._prune()

    @torch.no_grad()
    def _prune(self) -> None:
        pattern, chosen = self.engine.arrangement, self.choose()
        self._keep = {name: pattern.spread(chosen[name], w.shape) for name, w in self.weights.items()}
        for name, weight in self.weights.items():
            weight.data = torch.mul(self._latent[name], self._keep[name], out=self._seen[name])


def regulariser(scores: Mapping[str, Tensor], weight: float) -> Tensor:
    """`weight` times R(S), the mean over matrices of the mean of sigmoid(S).

    Published weights are for bert-base. For N scores we scale the weight by sqrt(N / 84,934,656), which is 1
    for bert-base. The scaling is our addition, inferred from a measurement (docs/results/compare.md): because
    of the mean, the regulariser's gradient on a single score is proportional to weight / N, whereas under
    gradient clipping that of the remaining loss is about 1 / sqrt(N). The factor keeps their ratio constant.
    """
    size = sum(score.numel() for score in scores.values())
    scaled = weight * math.sqrt(size / BERT_BASE)
    return scaled * torch.stack([score.sigmoid().mean() for score in scores.values()]).mean()
