"""A grid of runs: task x model x engine x sparsity x seed, from a file, checked before any work."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

from workbench.errors import BadInput, unknown
from workbench.runs.spec import RunSpec
from workbench.sweeps.grid_file import GridFile, Point

_COUNTED = 1_000_000


@dataclass(frozen=True)
class Cell:
    """One run of a grid.

    Attributes:
        label: the name of its engine entry.
        spec: the run; with `steps_of`, its `total_steps` is not known yet.
        steps_of: the run whose number of optimizer steps it will use, if any.
    """

    label: str
    spec: RunSpec
    steps_of: "Cell | None" = None

    @cached_property
    def name(self) -> str:
        """The run folder's name, unless steps are still open."""
        return self.spec.name

    @property
    def title(self) -> str:
        """The run's name for readers."""
        model = f" from {Path(self.spec.model).name}" if "model" in self.spec.changed else ""
        return (
            f"{self.label}, {self.spec.task}{model}, sparsity {self.spec.engine.sparsity:g}, "
            f"seed {self.spec.seed}"
        )

    def resolved(self, optimizer_steps: int) -> RunSpec:
        """The spec with the number of steps of `steps_of`."""
        return replace(self.spec, engine=replace(self.spec.engine, total_steps=optimizer_steps))


def read_grid(
    path: str | Path, *, at_most: int | None = 1000, accept_repeated: bool = False
) -> tuple[Cell, ...]:
    """The runs of a grid file (docs/grid.md) in order, equal ones once.

    Args:
        path: a YAML file.
        at_most: largest number of runs, since more are rarely intended and take weeks; None for any number.
        accept_repeated: as in `add_task`, for the task files that it names.

    Raises:
        BadInput: the file does not have the form of a grid; an engine or a setting is unknown; an override
            fits no run; a run whose steps are to be matched is not in the grid; there are more runs than
            `at_most`.
    """
    file = GridFile.read(path, accept_repeated)
    points = list(islice(file.points(), None if at_most is None else _COUNTED))
    if at_most is not None and len(points) > at_most:
        least = "at least " if len(points) == _COUNTED else ""
        raise BadInput(
            f"{path} asks for {least}{len(points):,} runs, and more than {at_most:,} are rarely intended. "
            "Shorten its axes, or add --yes."
        )
    for number, override in enumerate(file.overrides, 1):
        if not any(map(override.fits, points)):
            raise BadInput(
                f"override {number} of {path} fits no run: where {_plain(override.where)}. Correct or remove "
                "it."
            )
    keys = {_key(point) for point in points}
    cells: dict[tuple, Cell] = {}
    for point in points:
        try:
            cell = _cell(file, point, keys)
        except BadInput as error:
            raise BadInput(f"{path}, engine {point['engine']} on {point['task']}: {error}") from error
        cells.setdefault((cell.spec.name, cell.steps_of and cell.steps_of.spec.name), cell)
    return tuple(cells.values())


def _cell(file: GridFile, point: Point, keys: set[tuple]) -> Cell:
    plain = file.spec_at(point)
    reference = plain["engine"].pop("match_steps_of", None)
    spec = RunSpec.from_plain(plain)
    if reference is None:
        return Cell(point["engine"], spec)
    if reference not in file.engines:
        raise unknown("entry for match_steps_of", reference, file.engines)
    other = point | {"engine": reference}
    if _key(other) not in keys:
        raise BadInput(f"match_steps_of: {reference!r} has no run at the same point; add one to the grid.")
    if "match_steps_of" in file.spec_at(other)["engine"]:
        raise BadInput(
            f"match_steps_of: {reference} itself matches a run; name one with a length of its own."
        )
    return Cell(point["engine"], spec, steps_of=_cell(file, other, keys))


def _key(point: Point) -> tuple:
    return tuple((axis, str(value)) for axis, value in point.items())


def _plain(where: dict[str, tuple]) -> dict[str, list]:
    return {axis: list(values) for axis, values in where.items()}
