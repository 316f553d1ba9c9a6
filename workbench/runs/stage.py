"""One stage of a run on disk: what it needs to go on in its middle, and what it leaves at its end.

`stages/<stage>/` holds `checkpoint.safetensors` while the stage runs, `state.safetensors` until the run
is complete, and `done.json`, which is written last and makes the stage count as done.
"""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from torch import Tensor

from workbench.files import read_json, write_json
from workbench.runs.tensors import read_tensors, write_tensors


@dataclass(frozen=True)
class Cost:
    """What training took, evaluation apart from `seconds` not counted.

    Attributes:
        optimizer_steps: parameter updates.
        examples: training examples seen, repetitions counted.
        flops: dense floating-point operations, forward and backward, and the teacher's forward.
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
    """Metrics on the validation split once `step` optimizer steps of the stage are done.

    Attributes:
        step: of the stage.
        metrics: the primary one first.
        settled: whether the mask had its final sparsity; weights are kept from such evaluations only.
    """

    step: int
    metrics: dict[str, float]
    settled: bool = True

    @property
    def primary(self) -> float:
        """The value that selection uses."""
        return next(iter(self.metrics.values()))


@dataclass(frozen=True)
class Record:
    """How far a stage has come.

    Attributes:
        evaluations: all so far, in order.
        cost: of the steps so far.
        optimizer_steps: what the saved moments have averaged over, earlier stages included.
        keep: the recipe's: "best" or "last".
    """

    evaluations: tuple[Evaluation, ...] = ()
    cost: Cost = field(default_factory=Cost)
    optimizer_steps: int = 0
    keep: str = "best"

    @property
    def best(self) -> Evaluation:
        """The best settled evaluation so far, the earliest of equals."""
        settled = [evaluation for evaluation in self.evaluations if evaluation.settled]
        return max(settled, key=lambda evaluation: evaluation.primary)

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
        """This record with the age of the moments that the stage is going to leave."""
        return replace(self, optimizer_steps=optimizer_steps)

    def score(self, until: int, average: int) -> float:
        """Mean primary metric of the last `average` evaluations up to step `until`, or of all there are."""
        last = [evaluation.primary for evaluation in self.evaluations if evaluation.step <= until][-average:]
        return sum(last) / len(last)

    @classmethod
    def from_plain(cls, plain: dict) -> "Record":
        """The record that `asdict` made into `plain`."""
        evaluations = tuple(Evaluation(**evaluation) for evaluation in plain["evaluations"])
        return cls(**plain | {"evaluations": evaluations, "cost": Cost(**plain["cost"])})


class StageFolder:
    """The files of one stage."""

    def __init__(self, root: Path, stage: str):
        self.stage = stage
        self.path = root / "stages" / stage
        self.state = self.path / "state.safetensors"
        self._done = self.path / "done.json"
        self._checkpoint = self.path / "checkpoint.safetensors"

    @property
    def record(self) -> Record | None:
        """What the finished stage recorded; None while it is not finished."""
        return Record.from_plain(read_json(self._done)) if self._done.exists() else None

    def save_checkpoint(self, tensors: dict[str, Tensor], about: dict, record: Record) -> None:
        """Replaces the checkpoint; tensors and record stand in one file, so they always agree."""
        write_tensors(self._checkpoint, tensors, about | {"record": asdict(record)})

    def load_checkpoint(self) -> tuple[dict[str, Tensor], dict, Record] | None:
        """What `save_checkpoint` was given last, or None."""
        if not self._checkpoint.exists():
            return None
        tensors, about = read_tensors(self._checkpoint)
        return tensors, about, Record.from_plain(about["record"])

    def finish(self, record: Record, tensors: dict[str, Tensor] | None) -> None:
        """Marks the stage as done.

        Args:
            record: the whole stage's.
            tensors: the state that it leaves; None for a stage whose weights nobody needs.
        """
        if tensors is not None:
            write_tensors(self.state, tensors, {"optimizer_steps": record.optimizer_steps})
        write_json(self._done, asdict(record))
        self._checkpoint.unlink(missing_ok=True)

    def settle(self) -> None:
        """Marks a stage that is to stay where its checkpoint stands, a dropped candidate, as done."""
        if checkpoint := self.load_checkpoint():
            self.finish(checkpoint[2], None)
