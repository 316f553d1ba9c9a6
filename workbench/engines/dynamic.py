"""Shared by the engines for dynamic sparse training: the mask changes during training at a fixed sparsity."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

from workbench.engines.base import Engine
from workbench.engines.bench import Bench, State
from workbench.engines.densities import Densities, kept_by_density
from workbench.errors import BadInput
from workbench.masks import Mask, topk_counts
from workbench.schedules import Linear
from workbench.scores import Scores, magnitude, random
from workbench.settings import Count, Share, settings
from workbench.stages import Stage
from workbench.training import FixedMask, Sparsifier


@settings
class DynamicEngine(Engine):
    """Trains once under a mask that drops weights and grows as many others in each matrix every few steps.

    In both papers (`set`, `rigl`) the network is trained from scratch, with SGD and on the labels only. Here
    it is the pretrained encoder, trained with Adam and distilled from the dense model (`distillation`). Grown
    weights start at zero with zero moments, although the pretrained encoder has values for them. The step
    count of Adam's bias correction is not reset, so grown weights at first move up to about six times as fast
    as the learning rate says.

    Weights are kept from an evaluation after the last update of the mask.

    With `drop=0`, mask and training are those of `random`, number for number.

    Attributes:
        densities: how the kept weights are distributed over the matrices, for the whole training: "uniform",
            "er" or "erk" (see `kept_by_density`).
        first_mask: the mask that training starts with: a random one, as in the papers, which for a seed and
            densities is the one of `random`; or the largest weights of the state that training starts from
            (our addition).
        drop: the share of each matrix's kept weights that is exchanged, at first.
        decay: how that share decays until the last update: as a cosine to zero, or not at all.
        interval: optimizer steps between updates, whatever the scale; None for one epoch.
        until: the share of the training after which the mask no longer changes.
        start: the pretrained encoder with a fresh head, or the dense fine-tuned model.
    """

    densities: Densities = "erk"
    first_mask: Literal["random", "magnitude"] = "random"
    drop: Share = 0.3
    decay: Literal["cosine", "constant"] = "cosine"
    interval: Count | None = 100
    until: Share = 0.75
    start: Literal["pretrained", "dense"] = "pretrained"

    def train(self, bench: Bench, kind: type["DynamicMask"]) -> State:
        """Runs the single training stage under a mask of the given kind."""
        steps = self.train_steps(bench)
        state = self.first_state(bench)
        plan = self.plan(steps, self.interval or bench.steps(1.0, self.batch_size), kind)
        sparsifier = kind(self.first(state.weights, bench.seed), plan, bench.seed)
        return bench.train(Stage.level(1), state, self.training_config(steps, schedule=Linear), sparsifier)

    def first(self, weights: Mapping[str, Tensor], seed: int) -> Mask:
        """The mask that training starts with."""
        shapes = {name: weight.shape for name, weight in weights.items()}
        scores = random(weights, seed) if self.first_mask == "random" else magnitude(weights)
        return topk_counts(scores, kept_by_density(shapes, self.sparsity, self.densities))

    def plan(self, steps: int, interval: int, kind: type["DynamicMask"]) -> dict[int, float]:
        """Maps the optimizer step at which to update the mask, from 0, to the share to exchange.

        Raises:
            BadInput: the run ends before the first update.
        """
        end = round(self.until * steps)
        updates = range(0 if kind.at_once else interval, end, interval)
        if not self.drop or not self.until:
            return {}
        if not updates:
            raise BadInput(
                f"{self.id}: the mask is first updated after {interval} steps, but updates end at {end} of "
                f"{steps}. Lower interval, or give the run more steps."
            )
        cosine = self.decay == "cosine"
        return {
            step: self.drop * (1 + math.cos(math.pi * step / end)) / 2 if cosine else self.drop
            for step in updates
        }


class DynamicMask(Sparsifier, ABC):
    """A mask that is replaced at planned steps by one with as many weights in each matrix.

    Dropped weights are zero and have neither gradients nor moments, so that weights start from zero when they
    are grown. A weight that is dropped and grown in the same update stays as it is, as in the released code
    of RigL.

    Attributes:
        at_once: whether the first update is at step 0, rather than after an interval.
        replaces_step: whether an update takes the place of an optimizer step.
    """

    at_once: ClassVar[bool] = False
    replaces_step: ClassVar[bool] = False

    def __init__(self, first: Mask, plan: Mapping[int, float], seed: int):
        """Stores the plan.

        Args:
            first: the mask that training starts with.
            plan: the share of each matrix's kept weights to exchange, by optimizer step.
            seed: the run's.
        """
        self.seed = seed
        self.plan = dict(plan)
        self._first = first

    @abstractmethod
    def survivors(self, share: float) -> Mask:
        """The weights that are left when a share of the kept ones, rounded down per matrix, is dropped."""

    def begin(self) -> None:
        """Starts with the first mask."""
        self._put(self._first)

    @torch.no_grad()
    def exchange(self, share: float, growth: Scores) -> None:
        """Drops a share of the kept weights, and grows as many where `growth` is highest."""
        self._put(grown(self.survivors(share), growth, self.mask.kept_per_matrix()))

    def before_step(self) -> None:
        """Sets the gradients of pruned weights to zero."""
        self._now.before_step()

    def after_step(self) -> None:
        """Re-applies the mask."""
        self._now.after_step()

    @property
    def mask(self) -> Mask:
        """The current mask."""
        return self._now.mask

    @property
    def changed_at(self) -> int:
        """The last update so far; the optimizer steps after it train its mask."""
        steps = (step + self.replaces_step for step in self.plan if step < self.training.step)
        return max(steps, default=0)

    @property
    def settled(self) -> bool:
        """Whether the mask has been updated for the last time."""
        return self.training.step > max(self.plan, default=-1)

    def check(self) -> None:
        """Every pruned weight must be zero."""
        self._now.check()

    def tensors(self) -> dict[str, Tensor]:
        """The current mask."""
        return {name: self.mask[name] for name in self.mask.names}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Resumes with the mask of a checkpoint, its matrices in the order of the first mask."""
        self._put(Mask.from_tensors({name: tensors[name] for name in self._first}))

    def kept_only(self, scores: Scores, lowest: float) -> Scores:
        """The scores, with the lowest one for pruned weights."""
        return {
            name: score.masked_fill(~self.mask[name].to(score.device), lowest)
            for name, score in scores.items()
        }

    def _put(self, mask: Mask) -> None:
        self.hold(None)
        self._now = FixedMask(mask)
        self._now.attach(self.training)
        self._now.begin()
        self.weights = self._now.weights


def grown(survivors: Mask, scores: Scores, kept: Mapping[str, int]) -> Mask:
    """The survivors and, of all other weights, those with the highest scores, up to a number per matrix."""
    scores = {
        name: score.masked_fill(survivors[name].to(score.device), torch.finfo(score.dtype).max)
        for name, score in scores.items()
    }
    return topk_counts(scores, kept)
