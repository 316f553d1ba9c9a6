"""The bench as engines see it: its expensive operations, and the values that go in and out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from torch import Tensor

from workbench.masks import Mask
from workbench.scores import Scores
from workbench.settings import Count, settings
from workbench.training import Sparsifier, TrainingConfig


class State(Protocol):
    """The weights at the end of a stage, with the optimizer moments if the stage kept them."""

    @property
    def weights(self) -> Mapping[str, Tensor]:
        """The prunable matrices by parameter name, float32; pruned weights are zero."""

    def with_encoder_of(self, other: "State") -> "State":
        """This state's head on the encoder of `other`, with a fresh optimizer."""

    def fresh(self) -> "State":
        """These weights with a fresh optimizer."""


@dataclass(frozen=True)
class Candidate:
    """A candidate in a race.

    Attributes:
        mask: the mask that it trains under.
        about: what the run folder records about it, such as its sampling ratio.
    """

    mask: Mask
    about: Mapping[str, Any] = field(default_factory=dict)


@settings
class RaceRules:
    """How the candidates of a race are trained and ranked.

    Attributes:
        average: number of evaluations, the last ones, that a score averages.
        rounds: number of equal parts of the training; after each but the last, only the better half of the
            pool continues (successive halving).
        by: whether a high metric or a low validation loss ranks the candidates. The other one breaks ties; if
            both are equal, the earlier candidate ranks higher.
        shared_order: whether all candidates use the same data order and dropout, so that only their masks
            differ.
        keep_weights: whether the winner's weights and moments are kept, for `Bench.winner`.
    """

    average: Count
    rounds: Count = 1
    by: Literal["metric", "loss"] = "metric"
    shared_order: bool = False
    keep_weights: bool = False


class Bench(Protocol):
    """The expensive operations. Each one names a stage, and a stage that is already on disk is skipped.

    Stage names are strings; `Stage` builds the usual ones.
    """

    seed: int

    def pretrained(self) -> State:
        """The checkpoint with a fresh head."""

    def dense(self) -> State:
        """The dense fine-tuned model: the starting point of students, and their teacher."""

    def rewind_point(self, run: str) -> State:
        """The weights that another run, a folder, rewinds to; of another task's run only the encoder.

        Raises:
            BadInput: that run has no rewind point or did not keep it, or has another architecture.
        """

    def steps(self, epochs: float, batch_size: int) -> int:
        """Optimizer steps in `epochs` passes over the training split, times the run's scale; at least 1."""

    def train(
        self, stage: str, state: State, config: TrainingConfig, mask: Mask | Sparsifier | None = None
    ) -> State:
        """Trains to the end and returns the weights that `config` says to keep.

        With a mask, or a sparsifier that produces one during training, the stage is a level of the run, and
        its scores are part of the results.
        """

    def average(self, stage: str, state: State, config: TrainingConfig, mask: Mask, particles: int) -> State:
        """Trains `particles` copies of `state` under one mask and returns the mean of their weights.

        The copies differ only in data order and dropout; the first copy uses those of `train` for the same
        stage name. BatchNorm statistics are recomputed for the mean. The stage is a level; particle i is the
        stage `<stage>/particle-i`.
        """

    def evaluate(self, state: State) -> dict[str, float]:
        """Metrics of a state on the validation split, the primary one first, for adaptive engines.

        The dry run that computes a run's length trains nothing and returns 0.0 for every metric, so the
        length of an adaptive engine is only an estimate.
        """

    def scores(self, state: State, criterion: str) -> Scores:
        """Scores of a state's prunable weights; high scores are kept.

        Other inputs of the criterion (see `scores.py`) are computed on 128 training examples, which are not
        counted as cost.

        Raises:
            BadInput: there is no such criterion.
        """

    def race(
        self,
        stage: str,
        state: State,
        pool: Callable[[], Sequence[Candidate]],
        config: TrainingConfig,
        rules: RaceRules,
    ) -> Mask:
        """Trains `state` briefly under each candidate's mask and ranks the masks by the scores.

        If evaluations would cost more than a seventh of the training, there are fewer of them; if that is not
        enough, they use a fixed sample of the validation split. `race.json` records which.

        Args:
            stage: the name of the race; candidate i is the stage `<stage>/candidate-i`.
            state: the parent that every candidate starts from, including its moments.
            pool: creates the candidates; not called if the race is already finished.
            config: configuration of a candidate's whole training.
            rules: how the candidates are ranked.

        Returns:
            The mask of the best candidate.
        """

    def winner(self, stage: str) -> State:
        """The weights and moments of the winner of a race with `keep_weights`.

        Training from this state also continues the winner's data order.
        """
