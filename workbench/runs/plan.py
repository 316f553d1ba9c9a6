"""How many optimizer steps a run is going to take, found out by going through it without training."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from workbench.engines import Engine, Entrant
from workbench.errors import WorkbenchError
from workbench.masks import Mask
from workbench.randomness import torch_generator
from workbench.scores import Scores
from workbench.training import Recipe, Sparsifier

# Side of the matrix that stands in for a model's.
_SIDE = 64


def planned_steps(engine: Engine, seed: int, steps: Callable[[float, int], int]) -> int | None:
    """Optimizer steps of a whole run, the shared dense model apart; trainings for study are counted.

    Args:
        engine: what is to be run.
        seed: the run's.
        steps: optimizer steps in so many epochs of batches of a size, as `engines.Bench.steps`.

    Returns:
        The number; None for an engine that asks for more than a small matrix in place of the model's can
        tell. A race that a person takes candidates out of may take fewer.
    """
    rehearsal = Rehearsal(seed, steps)
    try:
        engine.prune(rehearsal)
    except WorkbenchError:
        return None
    return rehearsal.total


class Rehearsal:
    """An `engines.Bench` that trains nothing and adds up what would be trained.

    Attributes:
        total: optimizer steps so far.
    """

    def __init__(self, seed: int, steps: Callable[[float, int], int]):
        self.seed = seed
        self.steps = steps
        self.total = 0
        weights = torch.randn(_SIDE, _SIDE, generator=torch_generator(seed, "rehearsal"))
        self._state = _StandIn({"stand-in": weights})

    def pretrained(self) -> "_StandIn":
        """The stand-in."""
        return self._state

    def dense(self) -> "_StandIn":
        """The stand-in."""
        return self._state

    def train(
        self, stage: str, state: "_StandIn", recipe: Recipe, mask: Mask | Sparsifier | None = None
    ) -> "_StandIn":
        """Counts one training."""
        self.total += recipe.steps
        return state

    def average(
        self, stage: str, state: "_StandIn", recipe: Recipe, mask: Mask, particles: int
    ) -> "_StandIn":
        """Counts every particle."""
        self.total += particles * recipe.steps
        return state

    def scores(self, state: "_StandIn", criterion: str) -> Scores:
        """Some scores."""
        return {name: weight.abs() for name, weight in state.weights.items()}

    def race(
        self,
        stage: str,
        state: "_StandIn",
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


class _StandIn:
    """A state of one small matrix."""

    def __init__(self, weights: Mapping[str, Tensor]):
        self.weights = weights

    def with_encoder_of(self, other: "_StandIn") -> "_StandIn":
        return self

    def fresh(self) -> "_StandIn":
        return self
