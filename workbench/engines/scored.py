"""Masks that follow from trained scores: what static model pruning and movement pruning share."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from workbench.engines.base import Engine
from workbench.engines.bench import Bench, State
from workbench.errors import BadInput
from workbench.masks import Mask
from workbench.schedules import Linear
from workbench.settings import Positive, Share, settings
from workbench.stages import Stage
from workbench.training import Distillation, Sparsifier
from workbench.training.sparsifier import Training

# Prunable weights of bert-base.
BERT_BASE = 84_934_656


@settings
class ScoredEngine(Engine):
    """Trains scores, and perhaps weights, in one stage while the sparsity rises to its final value.

    Attributes:
        score_lr: peak learning rate of the scores; `lr` is that of the weights; one schedule for both. Under
            Adam a mere ranking of scores does not depend on it; a regulariser, a threshold and SMP-S do.
        ramp_from: share of the training before the first pruning.
        ramp_until: share of the training after which the count of kept weights is final. Which ones are
            kept goes on changing.
    """

    lr: Positive = 3e-5
    clip: Positive | None = 1.0
    distillation: Distillation = Distillation(mode="logits", temperature=2.0, hardness=0.5)
    score_lr: Positive = 1e-2
    ramp_from: Annotated[float, Field(ge=0, lt=1)] = 0.0
    ramp_until: Share = 0.6

    def __post_init__(self):
        if self.ramp_from >= self.ramp_until:
            raise BadInput(
                f"{self.id}: ramp_from is {self.ramp_from} and ramp_until {self.ramp_until}; pruning must "
                "begin before it ends."
            )

    def train(self, bench: Bench, state: State, scores: "ScoredWeights") -> State:
        """The one training, with linear decay of the learning rates."""
        return bench.train(
            Stage.level(1), state, self.training_config(self.train_steps(bench), schedule=Linear), scores
        )


class ScoredWeights(Sparsifier, ABC):
    """Scores S with a straight-through estimator; the mask M is a function of S and of the step.

    The forward pass sees W' = W * M. Its gradient reaches the scores as if M were S itself,
    dL/dS = dL/dW' * W, for pruned weights too (Sanh et al. 2020, section 4; Jiang et al. 2023, equation 3),
    and trained weights as dL/dW = dL/dW' * M. Scores start at 0.

    The model's parameters hold W', and W only while the optimizer moves them.

    Attributes:
        trains_weights: whether the prunable weights are trained as well.
    """

    trains_weights = True

    def __init__(self, engine: ScoredEngine):
        self.engine = engine
        self.lr = engine.score_lr

    def trains(self, name: str) -> bool:
        """Whether a parameter that cannot be pruned is trained; frozen embeddings never are."""
        return True

    @abstractmethod
    def choose(self) -> Mapping[str, Tensor]:
        """M by parameter name, bool, for the present scores."""

    def attach(self, training: Training) -> None:
        """Makes the scores, and freezes what is not trained."""
        super().attach(training)
        self.scores = {name: nn.Parameter(torch.zeros_like(weight)) for name, weight in self.weights.items()}
        for name, parameter in training.model.named_parameters():
            parameter.requires_grad_(name in self.weights or self.trains(name))
        steps = training.config.steps
        self._first = min(round(self.engine.ramp_from * steps), steps - 1)
        self._last = min(max(round(self.engine.ramp_until * steps), self._first + 1), steps)

    def begin(self) -> None:
        """Takes the model's weights for W."""
        self._take({name: weight.detach() for name, weight in self.weights.items()})

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes W from a checkpoint; the mask follows from the scores."""
        self._take({name: tensors[f"latent.{name}"] for name in self.weights})

    def tensors(self) -> dict[str, Tensor]:
        """W, whose pruned entries the model does not hold."""
        return {f"latent.{name}": weight for name, weight in self._latent.items()}

    def parameters(self) -> dict[str, nn.Parameter]:
        """The scores."""
        return {f"score.{name}": score for name, score in self.scores.items()}

    @property
    def progress(self) -> float:
        """The share of the pruning that is over, in [0, 1]."""
        passed = (self.training.step - self._first) / (self._last - self._first)
        return min(max(passed, 0.0), 1.0)

    @property
    def settled(self) -> bool:
        """Whether the count of kept weights is final."""
        return self.training.step >= self._last

    @property
    def mask(self) -> Mask:
        """The mask at present."""
        return Mask.from_tensors(self._keep)

    @torch.no_grad()
    def before_step(self) -> None:
        """Makes the gradients of W and S out of that of W', and puts W in its place."""
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
        """Chooses the weights to keep, and puts W' in the place of W."""
        self._prune()

    @torch.no_grad()
    def check(self) -> None:
        """Every weight must be W where it is kept, exactly, and 0 elsewhere."""
        for name, weight in self.weights.items():
            if not torch.equal(weight, self._latent[name] * self._keep[name]):
                raise RuntimeError(
                    f"a weight of {name} is not what scores and mask say at step {self.training.step}"
                )

    def _take(self, latent: Mapping[str, Tensor]) -> None:
        self._latent = {name: latent[name].to(weight, copy=True) for name, weight in self.weights.items()}
        self._seen = {name: weight.data for name, weight in self.weights.items()}
        self._prune()

    @torch.no_grad()
    def _prune(self) -> None:
        self._keep = self.choose()
        for name, weight in self.weights.items():
            weight.data = torch.mul(self._latent[name], self._keep[name], out=self._seen[name])


def regulariser(scores: Mapping[str, Tensor], weight: float) -> Tensor:
    """`weight` times R(S), the mean over matrices of the mean of sigmoid(S).

    A published weight is for bert-base. Here it is scaled by sqrt(N / 84,934,656) for N scores, which leaves
    it as it is with that one. That is ours, inferred from a measurement (docs/results/compare.md): the mean
    makes the pull on a single score weight / N, and where the gradient's norm is clipped the rest of the loss
    pulls by about 1 / sqrt(N), so that the factor keeps the ratio of the two.
    """
    size = sum(score.numel() for score in scores.values())
    pull = weight * math.sqrt(size / BERT_BASE)
    return pull * torch.stack([score.sigmoid().mean() for score in scores.values()]).mean()
