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
    """Prune, train, and prune again, on the same ladder as `randomized`.

    The deterministic baseline of paper A (section 1: `experiment.py`): weights and optimizer moments
    are carried on from level to level. With rewinding it is a lottery-ticket method: before each level's
    training the weights return to earlier ones, and the optimizer is fresh. `rewind="encoder"` is that of
    Chen et al. 2020 for pretrained encoders: the encoder returns to its pretrained weights and the head is
    kept, as in their code. `rewind="all"` is that of Frankle et al. 2020: everything returns to one rewind
    point, which is the pretrained weights with the run's one fresh head, or what `rewind_epochs` of dense
    training make of them. The latter remove a fifth of the remaining weights a level (`prune_share=0.2`), the
    former a tenth of all, of the pooler too; both rank globally (`scope="global"`), start level 0 from the
    rewind point, and learn from the labels alone. The defaults stay paper A's, so that levels compare.

    Attributes:
        scope: what the magnitudes are ranked within.
        rewind: what each level's training starts from: the weights so far ("none"), the pretrained encoder
            with the head so far ("encoder"), or the rewind point ("all").
        rewind_epochs: dense training that leads to the rewind point, at a constant rate; 0 for the
            pretrained weights. The dense training before the first pruning, `dense_epochs`, then goes on
            from there.
        hold_from: share of a level's training after which the learning rate, having fallen to a half, is
            held, as `swamp` has it; None for a constant rate, and linear decay in the last level.
    """

    id: ClassVar[str] = "imp"

    epochs: Positive = 15.0
    scope: Scope = "matrix"
    rewind: Literal["none", "encoder", "all"] = "none"
    rewind_epochs: NonNegative = 0.0
    hold_from: Annotated[float, Field(gt=0, lt=1)] | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.hold_from is not None:
            Held(self.warmup, self.hold_from)
        if self.rewind_epochs and not (self.rewind == "all" and self.dense_epochs):
            raise BadInput(
                f"{self.id}: rewind_epochs is {self.rewind_epochs}, but nothing returns to that point, or no "
                "training goes on from it. Give rewind=all and dense_epochs above 0, or leave it out."
            )

    def prune(self, bench: Bench) -> State:
        """One magnitude mask a level; zeros rank last, so the masks are nested."""
        lengths = self.level_steps(bench)
        state = self.start(bench)
        for level, (sparsity, steps) in enumerate(zip(self.sparsities, lengths, strict=True), start=1):
            mask = topk_mask(magnitude(state.weights), sparsity, self.scope)
            state = bench.train(
                Stage.level(level), self.rewound(bench, state), self.level_config(level, steps), mask
            )
        return state

    def start(self, bench: Bench) -> State:
        """Level 0; where everything is rewound, it starts from the rewind point, as the levels do."""
        if self.rewind != "all" or not self.dense_epochs:
            return super().start(bench)
        steps = bench.steps(self.dense_epochs, self.batch_size)
        return bench.train(Stage.level(0), self.rewind_point(bench), self.level_config(0, steps))

    def rewound(self, bench: Bench, state: State) -> State:
        """Where a level's training starts, `state` being what the one before left."""
        if self.rewind == "none":
            return state
        if self.rewind == "encoder":
            return state.with_encoder_of(bench.pretrained())
        return self.rewind_point(bench)

    def rewind_point(self, bench: Bench) -> State:
        """The weights that everything is rewound to, with a fresh optimizer."""
        if not self.rewind_epochs:
            return bench.pretrained()
        steps = bench.steps(self.rewind_epochs, self.batch_size)
        return bench.train("rewind", bench.pretrained(), self.training_config(steps, keep="last")).fresh()

    def level_config(self, level: int, steps: int) -> TrainingConfig:
        """How a level trains, counted from 1; 0 is the dense one."""
        if self.hold_from is not None:
            return self.training_config(steps, schedule=partial(Held, hold_from=self.hold_from))
        return self.training_config(steps, schedule=Linear if level == len(self.sparsities) else Constant)

    def steps_before_pruning(self, bench: Bench) -> int:
        """Optimizer steps up to the rewind point and of level 0."""
        rewind = bench.steps(self.rewind_epochs, self.batch_size) if self.rewind_epochs else 0
        return rewind + super().steps_before_pruning(bench)
