"""Trained weights that a line may begin or end at, and the line between two of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from workbench.analysis.basis import Basis, final_weights
from workbench.analysis.connectivity import Trace, Weights, hessian_trace, line
from workbench.errors import BadInput
from workbench.runs import Run, kept_stages, stage_weights


@dataclass(frozen=True)
class End:
    """A run's final model, or what it kept of a level or a particle.

    Attributes:
        run: a complete run.
        stage: such as "level-1" or "level-1/particle-0"; empty for the final model.
    """

    run: Run
    stage: str = ""

    @property
    def name(self) -> str:
        """RUN or RUN/STAGE."""
        return f"{self.run.name}/{self.stage}" if self.stage else self.run.name

    def weights(self) -> Weights:
        """Parameters and buffers by name.

        Raises:
            BadInput: they are no longer there, or cannot be read.
        """
        return stage_weights(self.run, self.stage) if self.stage else final_weights(self.run)


@dataclass(frozen=True)
class Walk:
    """A line between two ends.

    Attributes:
        first, second: its ends.
        table: of `line`.
        traces: of the Hessian at either end (`hessian_trace`); empty where none was asked for.
    """

    first: End
    second: End
    table: pd.DataFrame
    traces: tuple[Trace, ...]


def ends(runs: Sequence[Run]) -> dict[str, End]:
    """All ends that there are in complete runs, by name."""
    found = (End(run, stage) for run in runs for stage in ("", *kept_stages(run)))
    return {end.name: end for end in found}


def usual_ends(there: Sequence[End]) -> tuple[End, End] | None:
    """Two ends worth a line: particles of a run's last level, its last levels, or two runs' final models.

    The runs of the last kind are of one task and model. None where there is no such pair.
    """
    kinds = (_particles(there), _levels(there), _finals(there))
    return next((pair for kind in kinds for pair in kind), None)


def walk(first: End, second: End, points: int = 11, dev_examples: int | None = None, probes: int = 0) -> Walk:
    """Loads both ends and looks at the line between them, on the examples of the first one's run.

    Args:
        first: where it begins.
        second: where it ends.
        points: see `line`.
        dev_examples: see `Basis`.
        probes: sign vectors for the Hessian's trace at either end; 0 for no trace.

    Raises:
        BadInput: the ends are of different tasks or models, their weights cannot be read, or too few points.
    """
    tasks = [end.run.spec.task for end in (first, second)]
    if tasks[0] != tasks[1]:
        raise BadInput(
            f"{first.name} learned {tasks[0]} and {second.name} learned {tasks[1]}. A line joins models of "
            "one task; choose two of one."
        )
    basis, weights = Basis(first.run, dev_examples), [end.weights() for end in (first, second)]
    table = line(basis, *weights, points)
    traces = tuple(hessian_trace(basis, side, probes) for side in weights) if probes else ()
    return Walk(first, second, table, traces)


def _particles(there: Sequence[End]) -> Iterator[tuple[End, End]]:
    particles = [end for end in reversed(there) if "/particle-" in end.stage]
    for one, other in combinations(particles, 2):
        if one.name.rpartition("/")[0] == other.name.rpartition("/")[0]:
            yield other, one


def _levels(there: Sequence[End]) -> Iterator[tuple[End, End]]:
    levels = [end for end in reversed(there) if end.stage.startswith("level-") and "/" not in end.stage]
    for one, other in combinations(levels, 2):
        if one.run is other.run:
            yield other, one


def _finals(there: Sequence[End]) -> Iterator[tuple[End, End]]:
    for one, other in combinations([end for end in there if not end.stage], 2):
        specs = one.run.spec, other.run.spec
        if (specs[0].task, specs[0].model) == (specs[1].task, specs[1].model):
            yield one, other
