"""How a stage trains."""

from collections.abc import Callable
from typing import Literal

from workbench.schedules import Constant
from workbench.settings import Count, NonNegative, Positive, Share, settings

Schedule = Callable[[float], float]


@settings
class Distillation:
    """What a student learns from the dense teacher.

    `none`: the labels alone.
    `logits`: hardness * KL at a temperature + (1 - hardness) * label loss.
    `tinybert`: attentions + hidden states + soft labels, no hard labels (paper A, section 7).
    """

    mode: Literal["none", "logits", "tinybert"] = "tinybert"
    temperature: Positive = 1.0
    hardness: Share = 1.0


@settings
class Recipe:
    """Everything that decides how one stage trains, apart from its weights, mask and data.

    Attributes:
        steps: optimizer steps.
        lr: peak learning rate of AdamW.
        schedule: progress in [0, 1] -> factor on `lr`.
        batch_size: examples in a step.
        weight_decay: AdamW's decoupled decay.
        clip: largest gradient norm; None for no clipping.
        eval_every: optimizer steps between evaluations; the last step is always evaluated.
        distillation: what the teacher contributes.
    """

    steps: Count
    lr: Positive
    schedule: Schedule = Constant()
    batch_size: Count = 64
    weight_decay: NonNegative = 0.0
    clip: Positive | None = None
    eval_every: Count = 50
    distillation: Distillation = Distillation()

    def evaluates_at(self, step: int) -> bool:
        """Whether the model is evaluated once `step` optimizer steps are done."""
        return step == self.steps or step % self.eval_every == 0
