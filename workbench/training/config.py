"""How a stage trains."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field

from workbench.errors import BadInput
from workbench.schedules import LEARNING_RATES, Constant
from workbench.settings import Count, NonNegative, Positive, Share, settings, to_plain

Schedule = Callable[[float], float]


@settings
class Distillation:
    """What a student learns from the dense teacher.

    `none`: the labels alone.
    `logits`: hardness * KL at a temperature + (1 - hardness) * label loss;
        for a regression the squared error to the teacher's score in place of the KL (a source was NOT FOUND).
        The teacher's logits are computed once for each training example, so they do not depend on the
        padding of the student's batches. Where images are augmented, it is asked in every step.
    `tinybert`: attentions + hidden states + soft labels, no hard labels (paper A, section 7). The teacher
        is asked in every step.
    """

    mode: Literal["none", "logits", "tinybert"] = "tinybert"
    temperature: Positive = 1.0
    hardness: Share = 1.0


@settings
class TrainingConfig:
    """Everything that decides how one stage trains, apart from its weights, mask and data.

    Attributes:
        steps: optimizer steps.
        lr: peak learning rate.
        schedule: progress in [0, 1] -> factor on `lr`.
        batch_size: examples in a step.
        optimizer: AdamW with its default betas, or SGD.
        momentum: SGD's.
        weight_decay: AdamW's decoupled decay, SGD's decay.
        clip: largest gradient norm; None for no clipping.
        eval_every: optimizer steps between evaluations; the last step is always evaluated.
        eval_examples: examples of the validation split in an evaluation, a fixed sample; None for all.
        interim_examples: the same for evaluations that are not at the end of the training or of a race's
            round; None for `eval_examples`.
        keep: the weights that the stage leaves: those of its best evaluation, or its last.
        average_from: share of the training after which weights are averaged (stochastic weight averaging);
            the stage then leaves the mean. None for no averaging.
        average_every: optimizer steps between the weights that enter the mean, counted back from the end;
            None for those of the evaluations.
        recalibrate: recompute BatchNorm's running statistics for averaged weights, where there are any.
        freeze_embeddings: a text encoder's embeddings keep the values that the stage starts from.
        distillation: what the teacher contributes.
    """

    steps: Count
    lr: Positive
    schedule: Schedule = Constant()
    batch_size: Count = 64
    optimizer: Literal["adamw", "sgd"] = "adamw"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: NonNegative = 0.0
    clip: Positive | None = None
    eval_every: Count = 50
    eval_examples: Count | None = None
    interim_examples: Count | None = None
    keep: Literal["best", "last"] = "best"
    average_from: Annotated[float, Field(ge=0, lt=1)] | None = None
    average_every: Count | None = None
    recalibrate: bool = True
    freeze_embeddings: bool = False
    distillation: Distillation = Distillation()

    def __post_init__(self):
        if self.average_from is not None and self.keep != "last":
            raise BadInput('averaged weights are the last ones: give keep="last" with average_from.')

    def evaluates_at(self, step: int) -> bool:
        """Whether the model is evaluated once `step` optimizer steps are done."""
        return step == self.steps or step % self.eval_every == 0

    def averages_at(self, step: int) -> bool:
        """Whether the weights after `step` optimizer steps enter the mean."""
        if self.average_from is None or step <= self.average_from * self.steps:
            return False
        if self.average_every is None:
            return self.evaluates_at(step)
        return (self.steps - step) % self.average_every == 0

    def to_plain(self) -> dict[str, Any] | None:
        """The settings as `from_plain` takes them; None if the schedule is not one of ours."""
        name = type(self.schedule).__name__
        if LEARNING_RATES.get(name) is not type(self.schedule):
            return None
        return to_plain(self) | {"schedule": {"name": name, "settings": to_plain(self.schedule)}}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "TrainingConfig":
        """The configuration that `to_plain` made into `plain`."""
        schedule = LEARNING_RATES[plain["schedule"]["name"]](**plain["schedule"]["settings"])
        return cls(**plain | {"schedule": schedule})
