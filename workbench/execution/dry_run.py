"""How many optimizer steps a run will take: its engine runs once on a bench that trains nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from workbench.engines import Candidate, RaceRules
from workbench.errors import BadInput
from workbench.execution.given import GivenDense
from workbench.execution.rewind import RewindPoint
from workbench.execution.start_mask import StartMask
from workbench.masks import Mask
from workbench.models import prunable
from workbench.runs.spec import RunSpec
from workbench.schedules import halving_steps
from workbench.scores import Scores
from workbench.training import Sparsifier, TrainingConfig
from workbench.training.data import TaskData


def dry_run(
    spec: RunSpec, data: TaskData, student: nn.Module, given: GivenDense | None = None
) -> "DryRunBench":
    """Counts the steps of a whole run, without the shared dense model; full trainings of candidates count.

    A race may take fewer steps if a user drops candidates.

    Args:
        spec: the run.
        data: its task.
        student: the model that the engine trains.
        given: the dense model, if the spec names one.

    Raises:
        BadInput: anything that the engine would reject during the run, such as too few steps for all parts.
    """
    bench = DryRunBench(spec, data, student, given)
    spec.engine.prune(bench)
    return bench


class DryRunBench:
    """An `engines.Bench` that makes all masks and counts the steps instead of training.

    All weights are those of the untrained student, or of a given dense model.

    Attributes:
        seed: the run's.
        total: optimizer steps so far.
        widest: the largest number of stages so far that do not depend on each other.
    """

    def __init__(self, spec: RunSpec, data: TaskData, student: nn.Module, given: GivenDense | None):
        self.seed = spec.seed
        self.total = 0
        self.widest = 1
        self._counted: set[str] = set()
        self._scale = spec.scale
        self._data = data
        self._spec = spec
        self._student = student
        dense = given.model if given else student
        self._start = StartMask.of(spec, dense)
        self._state, self._dense = (
            _Untrained({name: weight.detach() for name, weight in prunable(model).items()})
            for model in (student, dense)
        )

    def steps(self, epochs: float, batch_size: int) -> int:
        """As in the run."""
        return self._data.steps(epochs * self._scale, batch_size)

    def pretrained(self) -> "_Untrained":
        """The student as it is.

        Raises:
            BadInput: the run has a fine-tuned classifier and no pretrained encoder.
        """
        dense = self._spec.dense.model
        if dense is not None and self._spec.model == dense:
            raise BadInput(
                f"engine {self._spec.engine.id} as it is set needs the pretrained encoder, and the run only "
                f"has the fine-tuned classifier {dense}. Name the encoder with --model, or use "
                "start=dense and no rewinding."
            )
        return self._state

    def dense(self) -> "_Untrained":
        """The given dense model, or the student as it is."""
        return self._dense

    def rewind_point(self, run: str) -> "_Untrained":
        """The student, after the other run has been checked."""
        point = RewindPoint(run, self._student, self._spec.task)
        return self._state if point.has_head else self.pretrained()

    def train(
        self, stage: str, state: "_Untrained", config: TrainingConfig, mask: Mask | Sparsifier | None = None
    ) -> "_Untrained":
        """Counts one training."""
        self._start.applied(mask)
        self._count(stage, config.steps)
        return state

    def average(
        self, stage: str, state: "_Untrained", config: TrainingConfig, mask: Mask, particles: int
    ) -> "_Untrained":
        """Counts every particle."""
        self._start.applied(mask)
        self._count(stage, particles * config.steps)
        self.widest = max(self.widest, particles)
        return state

    def evaluate(self, state: "_Untrained") -> dict[str, float]:
        """Zero for every metric."""
        return dict.fromkeys(self._data.task.metrics, 0.0)

    def scores(self, state: "_Untrained", criterion: str) -> Scores:
        """The weights' magnitudes, whatever the criterion."""
        return self._start.ranked({name: weight.abs() for name, weight in state.weights.items()})

    def race(
        self,
        stage: str,
        state: "_Untrained",
        pool: Callable[[], Sequence[Candidate]],
        config: TrainingConfig,
        rules: RaceRules,
    ) -> Mask:
        """Counts the candidates' trainings."""
        candidates = pool()
        for candidate in candidates:
            self._start.applied(candidate.mask)
        self._count(stage, halving_steps(len(candidates), config.steps, rules.rounds))
        self.widest = max(self.widest, len(candidates))
        return candidates[0].mask

    def winner(self, stage: str) -> "_Untrained":
        """The student as it is."""
        return self._state

    def _count(self, stage: str, steps: int) -> None:
        """Counts a stage, but once: a run trains it when it first asks for it, and then has it on disk."""
        if stage not in self._counted:
            self._counted.add(stage)
            self.total += steps


@dataclass(frozen=True)
class _Untrained:
    """An `engines.State`."""

    weights: Mapping[str, Tensor]

    def with_encoder_of(self, other: "_Untrained") -> "_Untrained":
        return self

    def fresh(self) -> "_Untrained":
        return self
