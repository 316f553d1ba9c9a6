"""The bench as engines see it: the costly verbs that they ask for, and what passes between the two."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from workbench.masks import Mask
from workbench.scores import Scores
from workbench.training import Sparsifier, TrainingConfig


class State(Protocol):
    """The weights that a stage left, with its optimizer moments if it kept them."""

    @property
    def weights(self) -> Mapping[str, Tensor]:
        """The prunable matrices, float32, by parameter name; pruned ones are zero."""

    def with_encoder_of(self, other: "State") -> "State":
        """This state's head on the encoder of `other`, with a fresh optimizer."""

    def fresh(self) -> "State":
        """These weights with a fresh optimizer."""


@dataclass(frozen=True)
class Candidate:
    """A candidate of a race.

    Attributes:
        mask: the mask that it trains under.
        about: what the run folder records of it, such as its sampling ratio.
    """

    mask: Mask
    about: Mapping[str, Any] = field(default_factory=dict)


class Bench(Protocol):
    """The costly verbs. Each names a stage; a stage that is already on disk is not repeated.

    A stage name is a string; `Stage` puts together the usual ones.
    """

    seed: int

    def pretrained(self) -> State:
        """The checkpoint with a fresh head."""

    def dense(self) -> State:
        """The dense fine-tuned model: the students' start and their teacher."""

    def steps(self, epochs: float, batch_size: int) -> int:
        """Optimizer steps in so many epochs of the task at the run's scale; at least 1."""

    def train(
        self, stage: str, state: State, config: TrainingConfig, mask: Mask | Sparsifier | None = None
    ) -> State:
        """Trains to the end and returns the weights that the configuration keeps.

        With a mask, or a sparsifier that makes one during training, the stage is a level of the run and its
        scores are part of the results.
        """

    def average(self, stage: str, state: State, config: TrainingConfig, mask: Mask, particles: int) -> State:
        """Trains `particles` copies of `state` under one mask and returns the mean of their weights.

        They differ in data order and dropout only; the first one's are those of `train` under the same name.
        BatchNorm's statistics are recomputed for the mean. The stage is a level; particle i is the stage
        `<stage>/particle-i`.
        """

    def evaluate(self, state: State) -> dict[str, float]:
        """Metrics of a state on the validation split, the primary one first, for an engine that adapts.

        The dry run that finds out a run's length trains nothing and returns 0.0 for every metric, so the
        length of an adaptive engine is only an estimate.
        """

    def scores(self, state: State, criterion: str) -> Scores:
        """Scores of the prunable weights of a state; high ones are kept.

        Whatever else the criterion needs (`scores.py`) is gathered over 128 training examples, which do not
        count as cost.

        Raises:
            BadInput: no such criterion.
        """

    def race(
        self,
        stage: str,
        state: State,
        pool: Callable[[], Sequence[Candidate]],
        config: TrainingConfig,
        *,
        average: int,
        rounds: int = 1,
    ) -> Mask:
        """Trains `state` briefly under each mask, scores it, and discards the weights.

        A candidate's score is the mean of its last `average` evaluations. With `rounds` > 1 only the
        better half continues after each round (successive halving).

        Args:
            stage: the race's name; candidate i is the stage `<stage>/candidate-i`.
            state: the parent that every candidate starts from, moments included.
            pool: makes the candidates; not called if the race is over.
            config: of a candidate's whole training.
            average: evaluations in a score.
            rounds: equal parts of the training.

        Returns:
            The mask of the best candidate; among equals, of the earliest.
        """
