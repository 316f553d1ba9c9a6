"""What is recorded of a stage: its evaluations, and what its training cost."""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Cost:
    """What a training cost. Evaluations count in `seconds` alone.

    Attributes:
        optimizer_steps: steps of the training, of which those where RigL grows weights update none.
        examples: training examples seen, repetitions counted, and those whose gradients an engine takes to
            rank weights while it trains.
        flops: floating-point operations as if dense: forward, backward, and the teacher's forward where it is
            asked in every step. Its logits for the training split, which are computed once for all runs of a
            store, count in none of them.
        seconds: wall time, evaluations included.
    """

    optimizer_steps: int = 0
    examples: int = 0
    flops: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.optimizer_steps + other.optimizer_steps,
            self.examples + other.examples,
            self.flops + other.flops,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True)
class Evaluation:
    """Metrics on the validation split after `step` optimizer steps of the stage.

    Attributes:
        step: of the stage.
        metrics: the primary one first.
        settled: whether the mask had its final sparsity; weights are only kept from such evaluations.
        loss: the task's loss on the same split (`training.diagnostics.mean_loss`); None in runs that recorded
            none.
        interim: on fewer examples than the evaluations that rank; shows how a stage develops, and enters no
            score.
    """

    step: int
    metrics: dict[str, float]
    settled: bool = True
    loss: float | None = None
    interim: bool = False

    @property
    def primary(self) -> float:
        """The value that selection uses."""
        return next(iter(self.metrics.values()))


@dataclass(frozen=True)
class Record:
    """The evaluations and the cost of a stage so far.

    Attributes:
        evaluations: all so far, in order.
        cost: of the steps so far.
        optimizer_steps: what the saved moments have averaged over, earlier stages included.
        keep: which weights the stage leaves, those of its "best" or of its "last" evaluation.
        recovery: of a complete stage the steps at peak rate (`schedules.steps_at_peak`) since its "mask" last
            changed, and since its "sparsity" was final; trained scores go on changing the mask after that.
    """

    evaluations: tuple[Evaluation, ...] = ()
    cost: Cost = field(default_factory=Cost)
    optimizer_steps: int = 0
    keep: str = "best"
    recovery: dict[str, float] = field(default_factory=dict)

    @property
    def best(self) -> Evaluation:
        """The best evaluation at the final sparsity so far; among equals the earliest."""
        ranked = [
            evaluation for evaluation in self.evaluations if evaluation.settled and not evaluation.interim
        ]
        return max(ranked, key=lambda evaluation: evaluation.primary)

    @property
    def kept(self) -> Evaluation:
        """The evaluation whose weights the stage left."""
        return self.best if self.keep == "best" else self.evaluations[-1]

    def evaluated(self, evaluation: Evaluation) -> "Record":
        """This record with one more evaluation."""
        return replace(self, evaluations=(*self.evaluations, evaluation))

    def spent(self, cost: Cost) -> "Record":
        """This record with more cost."""
        return replace(self, cost=self.cost + cost)

    def with_moments(self, optimizer_steps: int) -> "Record":
        """This record with the number of steps that the saved moments have averaged over."""
        return replace(self, optimizer_steps=optimizer_steps)

    def score(self, until: int, average: int) -> float:
        """Mean primary metric of the last `average` evaluations up to step `until`, or of all if fewer."""
        return _mean([evaluation.primary for evaluation in self._last(until, average)])

    def loss(self, until: int, average: int) -> float | None:
        """Mean validation loss of the same evaluations; None if one of them recorded none."""
        losses = [evaluation.loss for evaluation in self._last(until, average)]
        return None if None in losses else _mean(losses)

    def _last(self, until: int, average: int) -> list[Evaluation]:
        ranked = [evaluation for evaluation in self.evaluations if not evaluation.interim]
        return [evaluation for evaluation in ranked if evaluation.step <= until][-average:]

    @classmethod
    def from_plain(cls, plain: dict) -> "Record":
        """The record that `asdict` made into `plain`."""
        evaluations = tuple(Evaluation(**evaluation) for evaluation in plain["evaluations"])
        return cls(**plain | {"evaluations": evaluations, "cost": Cost(**plain["cost"])})


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
