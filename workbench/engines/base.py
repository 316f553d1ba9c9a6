"""What an engine is, and the verbs it may ask of a bench.

An engine holds a method's hyper-parameters and says in one method, `prune`, what the paper's
pseudo-code says. The bench does the costly work and remembers what is done.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import Field
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from workbench.errors import BadInput, unknown
from workbench.masks import Mask
from workbench.schedules import Constant
from workbench.scores import Scores
from workbench.settings import Count, NonNegative, Positive, Sparsity, settings
from workbench.tasks import Task
from workbench.training import Distillation, Recipe, Sparsifier
from workbench.training.recipe import Schedule

Scope = Literal["matrix", "type", "global"]


class State(Protocol):
    """The weights, and where there are any the optimizer moments, that a stage left behind."""

    @property
    def weights(self) -> Mapping[str, Tensor]:
        """The prunable matrices, float32, by parameter name; pruned ones are zero."""

    def with_encoder_of(self, other: "State") -> "State":
        """This state's head on the encoder of `other`, with a fresh optimizer."""

    def fresh(self) -> "State":
        """These weights with a fresh optimizer."""


@dataclass(frozen=True)
class Entrant:
    """A candidate of a race.

    Attributes:
        mask: what it trains under.
        about: what is remembered of it in the run folder, such as its sampling ratio.
    """

    mask: Mask
    about: Mapping[str, Any] = field(default_factory=dict)


class Bench(Protocol):
    """The costly verbs. Each names a stage; a stage that is already on disk is not done again."""

    seed: int

    def pretrained(self) -> State:
        """The checkpoint with a fresh head."""

    def dense(self) -> State:
        """The dense fine-tuned model: where students start, and their teacher."""

    def steps(self, epochs: float, batch_size: int) -> int:
        """Optimizer steps in so many epochs of the task at the run's scale; at least 1."""

    def train(self, stage: str, state: State, recipe: Recipe, mask: Mask | Sparsifier | None = None) -> State:
        """Trains to the end and returns the weights that the recipe keeps.

        Under a mask, or a sparsifier that makes one on the way, the stage is a level of the run: its scores
        stand in the results.
        """

    def average(self, stage: str, state: State, recipe: Recipe, mask: Mask, particles: int) -> State:
        """Trains `particles` copies of `state` under one mask and returns the mean of their weights.

        They differ in data order and dropout alone; the first has those of `train` under the same name.
        BatchNorm's statistics are recomputed for the mean. It is a level; particle i is the stage
        `<stage>/particle-i`.
        """

    def scores(self, state: State, criterion: str) -> Scores:
        """Scores of the prunable weights of a state; high ones are kept.

        What the criterion asks for besides (`scores.py`) is gathered over 128 training examples; they are not
        part of the cost.

        Raises:
            BadInput: there is no such criterion.
        """

    def race(
        self,
        stage: str,
        state: State,
        pool: Callable[[], Sequence[Entrant]],
        recipe: Recipe,
        *,
        average: int,
        rounds: int = 1,
    ) -> Mask:
        """Trains `state` briefly under each mask, scores it, and throws the weights away.

        A candidate's score is the mean of its last `average` evaluations. With `rounds` > 1 only the
        better half goes on after each round (successive halving).

        Args:
            stage: the race's name; candidate i is the stage `<stage>/candidate-i`.
            state: the parent that every candidate starts from, moments included.
            pool: makes the candidates; not asked where the race is over.
            recipe: the whole length of a candidate's training.
            average: evaluations in a score.
            rounds: equal parts that the training is cut into.

        Returns:
            The mask of the best candidate, the earliest of equals.
        """


_REGISTRY: dict[str, type["Engine"]] = {}


@settings
class Engine:
    """Hyper-parameters that every engine has; the defaults are those of paper A's code, section 7.

    A subclass decorated with `@settings` that sets `id` is registered under it.

    Attributes:
        sparsity: share of the prunable weights that is removed in the end; 0.9375 is "16x".
        epochs: training after each pruning, in passes over the training split.
        lr: peak learning rate.
        total_steps: optimizer steps in all, in place of `epochs`, to equal another run's cost.
        batch_size: examples in an optimizer step.
        optimizer: "adamw", or "sgd" with momentum 0.9, for vision.
        warmup: share of a stage in which the learning rate rises.
        weight_decay: the optimizer's.
        clip: largest gradient norm; None for none.
        eval_every: optimizer steps between evaluations; the best one is kept.
        freeze_embeddings: whether the embeddings keep their values while the engine trains. Where they move,
            a bag of words can be learned beside the encoder, and masks matter less.
        distillation: what is learned from the dense model. Where an engine has no default of its own it is
            paper A's, attentions and hidden states included, also for methods that were published with the
            labels alone, so that engines differ in their masks; `mode="none"` is labels alone.
    """

    id: ClassVar[str]

    sparsity: Sparsity = 0.9375
    epochs: Positive = 10.0
    lr: Positive = 5e-5
    total_steps: Count | None = None
    batch_size: Count = 64
    optimizer: Literal["adamw", "sgd"] = "adamw"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    weight_decay: NonNegative = 0.0
    clip: Positive | None = None
    eval_every: Count = 50
    freeze_embeddings: bool = False
    distillation: Distillation = Distillation()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "id" in vars(cls):
            _REGISTRY[cls.id] = cls

    def prune(self, bench: Bench) -> State:
        """Finds a mask and trains under it; returns the final state, which the last level left.

        It is gone through twice: first on a bench that trains nothing, which tells how long the run will be
        and finds out what would be refused on the way.
        """
        raise BadInput(f"{type(self).__name__} does not say how it prunes; define prune(self, bench).")

    def adapt(self, model: nn.Module, task: Task, tokenizer: PreTrainedTokenizerBase | None) -> nn.Module:
        """The student that this engine trains, given a fresh classifier; the teacher stays that classifier.

        Args:
            model: may be taken over into the student, copied.
            task: what it is to learn.
            tokenizer: the model's; None for images.
        """
        return model

    def check(self, model: nn.Module) -> None:
        """Refuses what cannot be done with a model; asked before any work.

        Args:
            model: the pretrained encoder with a fresh classifier.

        Raises:
            BadInput: it cannot be done.
        """

    def train_steps(self, bench: Bench) -> int:
        """Optimizer steps of an engine that trains in one stage."""
        return self.total_steps or bench.steps(self.epochs, self.batch_size)

    def recipe(
        self,
        steps: int,
        *,
        schedule: Callable[..., Schedule] = Constant,
        lr: float | None = None,
        eval_every: int | None = None,
        **others: Any,
    ) -> Recipe:
        """The recipe of one stage; `lr` and `eval_every` replace the engine's own, `others` the rest."""
        return Recipe(
            steps=steps,
            lr=lr or self.lr,
            schedule=schedule(warmup=self.warmup),
            batch_size=self.batch_size,
            optimizer=self.optimizer,
            weight_decay=self.weight_decay,
            clip=self.clip,
            eval_every=eval_every or self.eval_every,
            freeze_embeddings=self.freeze_embeddings,
            distillation=self.distillation,
            **others,
        )


def engine_ids() -> tuple[str, ...]:
    """The ids of all registered engines."""
    return tuple(sorted(_REGISTRY))


def engine_class(id: str) -> type[Engine]:
    """The engine registered under an id; `BadInput` with the nearest names where there is none."""
    if id not in _REGISTRY:
        raise unknown("engine", id, _REGISTRY)
    return _REGISTRY[id]
