"""SWAMP: sparse weight averaging with multiple particles (Choi et al., ICLR 2024)."""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import nn

from workbench.engines.base import Scope
from workbench.engines.bench import Bench, State
from workbench.engines.imp import IMP
from workbench.errors import BadInput
from workbench.masks import topk_mask
from workbench.scores import magnitude
from workbench.settings import Count, NonNegative, Positive, Share, settings
from workbench.stages import Stage
from workbench.training import TrainingConfig, has_batchnorm

_LEAST_SNAPSHOTS = 5


@settings
class Swamp(IMP):
    """Iterative magnitude pruning of an average of particles.

    At each level, N particles start from one rewind point under one mask and differ only in data order and
    dropout. Each particle averages its weights over the last part of its training, at a constant learning
    rate, and then the particles are averaged. The next mask prunes a fifth of the remaining weights by the
    magnitude of that average.

    We could not read the body of the paper. The structure follows its abstract and its reviews, and the
    pruning step follows a co-author's code for IMP (cs-giung/lottery-ticket-imagenet). NOT FOUND, so our
    choice: the number of particles (4 is an unverified recollection), the length of a level (3 epochs, as in
    Chen et al. 2020), the learning rate, and how many snapshots enter a particle's mean (at least 5 if there
    are as many steps, evenly spaced; Na et al. 2022, who average within IMP on BERT, use the last 5 of 10
    epochs). Distillation from the dense model is our addition too. Inferred: the uniform mean of the
    particles, BatchNorm statistics recomputed for it, and, for encoders, the pretrained weights with a single
    fresh head as the rewind point. Deviation: the dense training before the first pruning step has one
    particle and no averaging, and by default it is the shared dense model; according to a review, averages
    are worse than their particles at about 20 % sparsity.

    The rewind point in the paper is a matching one, early in the dense training. For an untrained network, as
    in vision, give `rewind_epochs` and `dense_epochs`; by default the rewind point is the initial weights.

    With one particle, no averaging and rewinding on, this is exactly `imp` with the same settings. With
    `rewind="none"` it is the control without rewinding, similar to Sparse Model Soups (Zimmer et al. 2024).
    Each level then has a fresh optimizer, since an average has no moments, whereas `imp` carries its moments
    over.

    Attributes:
        levels: number of levels on the cubic ladder of `imp`; only with `prune_share=null`.
        particles: N, the number of particles per level.
        particles_from: sparsity from which a level has N particles; levels below it have one. Values above 0
            give SWAMP+, which saves training where averaging helps least.
        averaging: whether a particle returns the mean of its weights since `hold_from`, or else its best
            weights, at the same learning rates.
        recalibrate: whether BatchNorm statistics are recomputed for averaged weights; by default, if the
            model has BatchNorm.
    """

    id: ClassVar[str] = "swamp"

    epochs: Positive = 3.0
    dense_epochs: NonNegative = 0.0
    levels: Count | None = None
    prune_share: Annotated[float, Field(gt=0, lt=1)] | None = 0.2
    scope: Scope = "global"
    rewind: Literal["none", "encoder", "all"] = "all"
    hold_from: Annotated[float, Field(gt=0, lt=1)] | None = 0.75
    particles: Count = 4
    particles_from: Share = 0.0
    averaging: bool = True
    recalibrate: bool | None = None

    def __post_init__(self):
        if self.ladder is None and (self.levels is None) == (self.prune_share is None):
            raise BadInput(
                f"swamp: levels is {self.levels} and prune_share is {self.prune_share}, but exactly one of "
                "them must set the sparsity of each level. Give prune_share=null with levels, or leave "
                "levels out."
            )
        super().__post_init__()
        if self.averaging and self.hold_from is None:
            raise BadInput(
                "swamp: averaging needs a phase with a constant learning rate, but hold_from is None. Give "
                "hold_from, such as 0.75, or averaging=false."
            )

    def check(self, model: nn.Module) -> None:
        """Rejects `recalibrate` for a model without BatchNorm, and a pattern that does not fit."""
        super().check(model)
        if self.recalibrate and not has_batchnorm(model):
            raise BadInput(
                f"swamp: recalibrate is true, but {type(model).__name__} has no BatchNorm statistics to "
                "recompute. Leave recalibrate out."
            )

    def prune(self, bench: Bench) -> State:
        """At each level: prune the average, rewind, train the particles and average them."""
        lengths = self.level_steps(bench, copies=self.particles_by_level)
        state = self.level_zero(bench)
        levels = zip(self.sparsities, lengths, self.particles_by_level, strict=True)
        for level, (sparsity, steps, particles) in enumerate(levels, start=1):
            mask = topk_mask(magnitude(state.weights), sparsity, self.scope, self.pattern)
            parent, config = self.rewound(bench, state), self.level_config(level, steps)
            state = bench.average(Stage.level(level), parent, config, mask, particles)
        return state

    @property
    def particles_by_level(self) -> list[int]:
        """The number of particles at each level."""
        return [self.particles if sparsity >= self.particles_from else 1 for sparsity in self.sparsities]

    def level_config(self, level: int, steps: int) -> TrainingConfig:
        """The configuration of `imp` with the same settings, plus averaging if it is on."""
        config = replace(super().level_config(level, steps), recalibrate=self.recalibrate is not False)
        if not self.averaging or level == 0:
            return config
        held = int((1 - self.hold_from) * steps)
        return replace(
            config,
            keep="last",
            average_from=self.hold_from,
            average_every=max(1, held // _LEAST_SNAPSHOTS),
        )
