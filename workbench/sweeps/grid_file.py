"""The contents of a grid file (docs/grid.md): shared values, axes, engines, and exceptions to them."""

import dataclasses
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from workbench import plugins
from workbench.errors import BadInput, unknown
from workbench.files import read_yaml
from workbench.settings import settings
from workbench.tasks import canonical_id, own

Point = dict[str, Any]
Named = dict[str, Any]


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else (value,)


def _or_empty(value: Any) -> Any:
    return {} if value is None else value


Values = Annotated[tuple[Any, ...], BeforeValidator(_listed)]
Mapped = Annotated[Named, BeforeValidator(_or_empty)]


@settings
class Axes:
    """Values of the axes, in the order in which they vary, the last one fastest; None for missing ones."""

    label: ClassVar[str] = "axes"

    task: Values | None = None
    model: Values | None = None
    engine: Values | None = None
    sparsity: Values | None = None
    seed: Values | None = None

    def __post_init__(self):
        for axis, values in self.given.items():
            if not values:
                raise BadInput(f"{axis} is an empty list, which makes no run. Give a value or leave it out.")
        if self.task:
            object.__setattr__(self, "task", tuple(canonical_id(str(task)) for task in self.task))

    @property
    def given(self) -> dict[str, tuple]:
        """The axes that have values."""
        return {axis: getattr(self, axis) for axis in AXES if getattr(self, axis) is not None}


AXES = tuple(field.name for field in dataclasses.fields(Axes))


@settings
class Override:
    """Different values for the runs at some points of a grid.

    Attributes:
        where: for some axes, the values of which a point must have one.
        base: values of a spec that replace those of the file's `base` and of the engine entry.
        axes: different values of axes that come after those in `where`.
    """

    label: ClassVar[str] = "override"

    where: Mapped = dataclasses.field(default_factory=dict)
    base: Mapped = dataclasses.field(default_factory=dict)
    axes: Mapped = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        where, axes = (_part(Axes, getattr(self, name), name).given for name in ("where", "axes"))
        if not where or not (axes or self.base):
            raise BadInput("it needs `where`, and `base` or `axes` to say what is different there.")
        latest = max(where, key=AXES.index)
        if early := [axis for axis in axes if AXES.index(axis) <= AXES.index(latest)]:
            raise BadInput(
                f"it changes {early[0]} by {latest}; an axis can depend on earlier ones only, in the order "
                f"{', '.join(AXES)}."
            )
        _check_base(self.base)
        object.__setattr__(self, "where", where)
        object.__setattr__(self, "axes", axes)

    def fits(self, point: Point) -> bool:
        """Whether it applies to a point, or to a part of one."""
        return all(axis in point and point[axis] in values for axis, values in self.where.items())


@settings
class GridFile:
    """A grid file, checked for its form.

    Attributes:
        base: values of a spec that all runs share.
        axes: axis to its values; `engine` has the names of entries.
        engines: entry to the settings of its engine, `id` among them.
        overrides: exceptions; the last one that applies wins.
        plugins: modules and files to load first.
    """

    label: ClassVar[str] = "grid"

    engines: Mapped = dataclasses.field(default_factory=dict)
    axes: Mapped = dataclasses.field(default_factory=dict)
    base: Mapped = dataclasses.field(default_factory=dict)
    overrides: Any = ()
    plugins: Any = None

    def __post_init__(self):
        if not self.engines:
            raise BadInput("it names no engines; write them as `engines: {magnitude: , imp: }`.")
        axes = _part(Axes, self.axes, "axes").given
        if "task" not in axes:
            raise BadInput("it names no task; write them as `axes: {task: [glue/mrpc]}`.")
        axes.setdefault("engine", tuple(self.engines))
        _check_base(self.base)
        engines = {label: _entry(label, entry) for label, entry in self.engines.items()}
        overrides = self.overrides or []
        if not isinstance(overrides, list):
            raise BadInput(f"overrides is {overrides!r}; write a list of `where: ..., base: ...`.")
        overrides = tuple(_part(Override, plain, f"override {i}") for i, plain in enumerate(overrides, 1))
        for name, value in (("axes", axes), ("engines", engines), ("overrides", overrides)):
            object.__setattr__(self, name, value)
        for part in (self, *overrides):
            for label in part.axes.get("engine", ()):
                if label not in engines:
                    raise unknown("entry under engines", label, engines)

    @classmethod
    def read(cls, path: str | Path, accept_repeated: bool = False) -> "GridFile":
        """Reads a file, and loads its plugins.

        Args:
            path: the file.
            accept_repeated: as in `add_task`, for the task files that it names.

        Raises:
            BadInput: it is not YAML or does not have the form of a grid, or a plugin cannot be loaded.
        """
        plain = read_yaml(path)
        if isinstance(plain, dict):
            _place_tasks(plain, Path(path).parent, accept_repeated)
            plugins.load_named(plain.get("plugins"), str(path), Path(path).parent)
        return _part(cls, plain, str(path))

    def points(self) -> Iterator[Point]:
        """Every point of the grid: axis to value, for the axes that the file names."""
        yield from self._points({}, AXES)

    def spec_at(self, point: Point) -> Named:
        """The plain spec of a point; its engine may have `match_steps_of` besides its settings."""
        parts = [self.base, {"engine": self.engines[point["engine"]]}]
        parts += [override.base for override in self.overrides if override.fits(point)]
        plain: Named = {}
        for part in parts:
            _merge(plain, part)
        plain |= {axis: point[axis] for axis in ("task", "model", "seed") if axis in point}
        if "sparsity" in point:
            plain["engine"]["sparsity"] = point["sparsity"]
        return plain

    def _points(self, point: Point, axes: tuple[str, ...]) -> Iterator[Point]:
        if not axes:
            yield point
            return
        fitting = [o.axes[axes[0]] for o in self.overrides if axes[0] in o.axes and o.fits(point)]
        values = fitting[-1] if fitting else self.axes.get(axes[0])
        for extended in [point] if values is None else [point | {axes[0]: value} for value in values]:
            yield from self._points(extended, axes[1:])


def _part(cls: type, plain: Any, place: str) -> Any:
    """A part of the file as an object; error messages name the part."""
    plain = _or_empty(plain)
    if not isinstance(plain, dict) or not all(isinstance(name, str) for name in plain):
        raise BadInput(f"{place} is {plain!r}; write names with values, as docs/grid.md shows.")
    try:
        return cls(**plain)
    except BadInput as error:
        raise BadInput(f"{place}: {error}") from error


def _place_tasks(plain: Named, folder: Path, accept_repeated: bool) -> None:
    """Makes names of task files, which are relative to the grid file, absolute."""
    overrides = plain.get("overrides")
    parts = [plain.get("axes")]
    for override in overrides if isinstance(overrides, list) else []:
        parts += [override.get("where"), override.get("axes")] if isinstance(override, dict) else []
    for part in parts:
        if isinstance(part, dict) and "task" in part:
            part["task"] = [_placed(task, folder, accept_repeated) for task in _listed(part["task"])]


def _placed(task: Any, folder: Path, accept_repeated: bool) -> Any:
    placed = own.beside(task, folder)
    is_file = isinstance(placed, str) and own.is_file_name(placed)
    return own.add_task(placed, accept_repeated=True) if is_file and accept_repeated else placed


def _check_base(base: Named) -> None:
    engine = _or_empty(base.get("engine"))
    if not isinstance(engine, dict):
        raise BadInput(f"engine in base is {engine!r}; write names with values, as docs/grid.md shows.")
    misplaced = [axis for axis in ("task", "model", "seed") if axis in base]
    misplaced += [name for name in ("id", "sparsity") if name in engine]
    if misplaced:
        raise BadInput(
            f"base sets {misplaced[0]}; that belongs under `axes`, or an engine's id under `engines`."
        )


def _entry(label: Any, plain: Any) -> Named:
    entry = _or_empty(plain)
    if not isinstance(entry, dict):
        raise BadInput(f"engine {label} is {entry!r}; write names with values, as docs/grid.md shows.")
    if "sparsity" in entry:
        raise BadInput(f"engine {label} sets sparsity; that belongs under `axes`.")
    if {"match_steps_of", "total_steps"} <= entry.keys():
        raise BadInput(
            f"engine {label} sets total_steps and match_steps_of, which both set its length; leave one out."
        )
    return {"id": label} | entry


def _merge(target: Named, source: Mapping[str, Any]) -> None:
    """Merges `source` into `target`, mapping by mapping."""
    for name, value in source.items():
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            _merge(target[name], value)
        elif not (name == "engine" and value is None):
            target[name] = deepcopy(value)
