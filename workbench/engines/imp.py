"""Iterative magnitude pruning."""

from functools import partial
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from workbench.engines.base import Scope
from workbench.engines.bench import Bench, State
from workbench.engines.ladder import LadderEngine
from workbench.errors import BadInput
from workbench.masks import topk_mask
from workbench.schedules import Constant, Held, Linear
from workbench.scores import magnitude
from workbench.settings import NonNegative, Positive, settings
from workbench.stages import Stage
from workbench.training import TrainingConfig


@settings
class IMP(LadderEngine):
    """Alternates pruning and training on the same ladder as `randomized`.

    This is the deterministic baseline of paper A (section 1: `experiment.py`): weights and optimizer moments
    carry over from level to level. With rewinding it is a lottery-ticket method: before each level's training
    the weights are rewound to earlier values, and the optimizer is fresh.

    `rewind="encoder"` follows Chen et al. 2020 for pretrained encoders: the encoder is rewound to its
    pretrained weights and the head is kept, as in their code. `rewind="all"` follows Frankle et al. 2020:
    everything is rewound to one rewind point, either the pretrained weights with the run's fresh head, or the
    weights after `rewind_epochs` of dense training. Frankle et al. remove a fifth of the remaining weights
    per level (`prune_share=0.2`); Chen et al. remove a tenth of all weights, including those of the pooler.
    Both rank globally (`scope="global"`), start level 0 from the rewind point, and train on the labels only.
    Frankle et al. run the whole learning-rate schedule at each level, which is `decay="every"`. Chen et al.
    state a linear decay, but their code restarts a decay over all levels at each level, so that a level only
    sees its first tenth. The defaults remain those of paper A, so that levels are comparable.

    Attributes:
        scope: the group within which magnitudes are ranked.
        rewind: the starting point of each level's training: the current weights ("none"), the pretrained
            encoder with the current head ("encoder"), or the rewind point ("all"), which `dense_epochs` then
            starts from as well, in place of `start`.
        rewind_epochs: dense training up to the rewind point, at a constant learning rate; 0 for the
            pretrained weights. The dense training before the first pruning step, `dense_epochs`, then
            continues from there.
        hold_from: share of a level's training after which the learning rate, having decayed to half its
            peak, is held constant, as in `swamp`. None to follow `decay`.
        decay: the levels in which the learning rate decays linearly to zero: only the "last" one, or "every"
            one. It is constant in the other levels, and in the dense training before them.
    """

    id: ClassVar[str] = "imp"

    epochs: Positive = 15.0
    scope: Scope = "matrix"
    rewind: Literal["none", "encoder", "all"] = "none"
    rewind_epochs: NonNegative = 0.0
    hold_from: Annotated[float, Field(gt=0, lt=1)] | None = None
    decay: Literal["last", "every"] = "last"

    def __post_init__(self):
        super().__post_init__()
        if self.hold_from is not None:
            Held(self.warmup, self.hold_from)
        if self.rewind_epochs and not (self.rewind == "all" and self.dense_epochs):
            raise BadInput(
                f"{self.id}: rewind_epochs is {self.rewind_epochs}, but the rewind point is not used. Give "
                "rewind=all and dense_epochs above 0, or leave rewind_epochs out."
            )

    def prune(self, bench: Bench) -> State:
        """One magnitude mask per level; zeros rank last, so the masks are nested."""
        lengths = self.level_steps(bench)
        state = self.level_zero(bench)
        for level, (sparsity, steps) in enumerate(zip(self.sparsities, lengths, strict=True), start=1):
            mask = topk_mask(magnitude(state.weights), sparsity, self.scope, self.pattern)
            state = bench.train(
                Stage.level(level), self.rewound(bench, state), self.level_config(level, steps), mask
            )
        return state

    def level_zero(self, bench: Bench) -> State:
        """Level 0; with `rewind="all"` it starts from the rewind point, like the other levels."""
        if self.rewind != "all" or not self.dense_epochs:
            return super().level_zero(bench)
        steps = bench.steps(self.dense_epochs, self.batch_size)
        return bench.train(Stage.level(0), self.rewind_point(bench), self.level_config(0, steps))

    def rewound(self, bench: Bench, state: State) -> State:
        """The starting point of a level's training, given the state after the previous level."""
        if self.rewind == "none":
            return state
        if self.rewind == "encoder":
            return state.with_encoder_of(bench.pretrained())
        return self.rewind_point(bench)

    def rewind_point(self, bench: Bench) -> State:
        """The weights to rewind to, with a fresh optimizer."""
        if not self.rewind_epochs:
            return bench.pretrained()
        steps = bench.steps(self.rewind_epochs, self.batch_size)
        config = self.training_config(steps, keep="last")
        return bench.train(Stage.rewind(), bench.pretrained(), config).fresh()

    def level_config(self, level: int, steps: int) -> TrainingConfig:
        """The training configuration of a level, counted from 1; level 0 is dense."""
        if self.hold_from is not None:
            return self.training_config(steps, schedule=partial(Held, hold_from=self.hold_from))
        decays = level == len(self.sparsities) or (self.decay == "every" and level > 0)
        return self.training_config(steps, schedule=Linear if decays else Constant)

    def steps_before_pruning(self, bench: Bench) -> int:
        """Optimizer steps up to the rewind point, plus those of level 0."""
        rewind = bench.steps(self.rewind_epochs, self.batch_size) if self.rewind_epochs else 0
        return rewind + super().steps_before_pruning(bench)
