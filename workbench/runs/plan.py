"""How many optimizer steps a run is going to take, found out by going through it without training."""

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn

from workbench.engines import Entrant
from workbench.masks import Mask
from workbench.models import prunable
from workbench.runs.data import TaskData
from workbench.runs.spec import RunSpec
from workbench.scores import Scores
from workbench.training import Recipe, Sparsifier


def planned_steps(spec: RunSpec, data: TaskData, student: nn.Module) -> int:
    """Optimizer steps of a whole run, the shared dense model apart; trainings for study are counted.

    A race that a person takes candidates out of may take fewer.

    Raises:
        BadInput: what the engine would refuse on the way, such as too few steps for all that it has to do.
    """
    rehearsal = Rehearsal(spec, data, student)
    spec.engine.prune(rehearsal)
    return rehearsal.total


class Rehearsal:
    """An `engines.Bench` that makes all masks, trains nothing and adds up what would be trained.

    The weights are those of the untrained student throughout.

    Attributes:
        total: optimizer steps so far.
    """

    def __init__(self, spec: RunSpec, data: TaskData, student: nn.Module):
        self.seed = spec.seed
        self.total = 0
        self._scale = spec.scale
        self._data = data
        self._state = _Untrained({name: weight.detach() for name, weight in prunable(student).items()})

    def steps(self, epochs: float, batch_size: int) -> int:
        """As in the run."""
        return self._data.steps(epochs * self._scale, batch_size)

    def pretrained(self) -> "_Untrained":
        """The student as it is."""
        return self._state

    def dense(self) -> "_Untrained":
        """The student as it is."""
        return self._state

    def train(
        self, stage: str, state: "_Untrained", recipe: Recipe, mask: Mask | Sparsifier | None = None
    ) -> "_Untrained":
        """Counts one training."""
        self.total += recipe.steps
        return state

    def average(
        self, stage: str, state: "_Untrained", recipe: Recipe, mask: Mask, particles: int
    ) -> "_Untrained":
        """Counts every particle."""
        self.total += particles * recipe.steps
        return state

    def scores(self, state: "_Untrained", criterion: str) -> Scores:
        """Some scores."""
        return {name: weight.abs() for name, weight in state.weights.items()}

    def race(
        self,
        stage: str,
        state: "_Untrained",
        pool: Callable[[], Sequence[Entrant]],
        recipe: Recipe,
        *,
        average: int,
        rounds: int = 1,
    ) -> Mask:
        """Counts what the candidates train, by halves where the race has rounds (`runs/race.py`)."""
        entrants = pool()
        alive, before = len(entrants), 0
        for turn in range(1, rounds + 1):
            until = max(1, recipe.steps * turn // rounds)
            self.total += alive * (until - before)
            alive, before = (alive + 1) // 2, until
        return entrants[0].mask


class _Untrained:
    """An `engines.State`."""

    def __init__(self, weights: Mapping[str, Tensor]):
        self.weights = weights

    def with_encoder_of(self, other: "_Untrained") -> "_Untrained":
        return self

    def fresh(self) -> "_Untrained":
        return self
