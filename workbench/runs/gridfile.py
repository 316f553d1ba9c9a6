"""What stands in a grid file: values that all runs share, axes, engines, and exceptions to them."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, unknown
from workbench.files import read_yaml
from workbench.tasks import canonical_id

# In the order in which they are gone through, the last one fastest.
AXES = ("task", "model", "engine", "sparsity", "seed")

Point = dict[str, Any]


@dataclass(frozen=True)
class Override:
    """Other values for the runs at some places of a grid.

    Attributes:
        where: axis to the values that it is about; all of them must fit.
        base: values of a spec, over those of the file's `base` and of the engine's entry.
        axes: other values of axes that come after those in `where`.
    """

    where: dict[str, list]
    base: dict[str, Any]
    axes: dict[str, list]

    def fits(self, point: Point) -> bool:
        """Whether a place, or as much of it as is known, is one that this is about."""
        return all(axis in point and point[axis] in values for axis, values in self.where.items())


@dataclass(frozen=True)
class GridFile:
    """A grid file, checked for its form; docs/grid.md describes it.

    Attributes:
        base: values of a spec that all runs share.
        axes: axis to its values; `engine` has the names of entries.
        engines: entry to the settings of its engine, `id` among them.
        overrides: exceptions, the last that fits winning.
    """

    base: dict[str, Any]
    axes: dict[str, list]
    engines: dict[str, dict[str, Any]]
    overrides: tuple[Override, ...]

    @classmethod
    def read(cls, path: str | Path) -> "GridFile":
        """Reads a file.

        Raises:
            BadInput: it is no YAML, or not of the form of a grid.
        """
        plain = _mapping(read_yaml(path), f"{path}", {"base", "axes", "engines", "overrides"})
        engines = _mapping(plain.get("engines"), f"engines of {path}")
        if not engines:
            raise BadInput(f"{path} names no engines; write them as `engines: {{magnitude: , imp: }}`.")
        axes = _axes(plain.get("axes"), f"axes of {path}")
        axes.setdefault("engine", list(engines))
        if "task" not in axes:
            raise BadInput(f"{path} names no task; write them as `axes: {{task: [glue/mrpc]}}`.")
        overrides = plain.get("overrides") or []
        if not isinstance(overrides, list):
            raise BadInput(f"overrides of {path} is {overrides!r}; write a list of `where: ..., base: ...`.")
        file = cls(
            base=_base(plain.get("base"), f"base of {path}"),
            axes=axes,
            engines={label: _entry(label, entry, path) for label, entry in engines.items()},
            overrides=tuple(_override(o, f"override {i} of {path}") for i, o in enumerate(overrides, 1)),
        )
        for label in (label for part in (file, *file.overrides) for label in part.axes.get("engine", ())):
            if label not in file.engines:
                raise unknown(f"entry under engines of {path}", label, file.engines)
        return file

    def points(self) -> Iterator[Point]:
        """Every place of the grid: axis to value, for the axes that the file names."""
        yield from self._points({}, AXES)

    def spec_at(self, point: Point) -> dict[str, Any]:
        """The plain spec of a place; its engine may hold `match_steps_of` beside its settings."""
        parts = [self.base, {"engine": self.engines[point["engine"]]}]
        parts += [override.base for override in self.overrides if override.fits(point)]
        plain: dict[str, Any] = {}
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
        for place in [point] if values is None else [point | {axes[0]: value} for value in values]:
            yield from self._points(place, axes[1:])


def _override(plain: Any, place: str) -> Override:
    plain = _mapping(plain, place, {"where", "base", "axes"})
    where, axes = _axes(plain.get("where"), f"where of {place}"), _axes(plain.get("axes"), f"axes of {place}")
    if not where or not (axes or plain.get("base")):
        raise BadInput(f"{place} needs `where`, and `base` or `axes` to say what is different there.")
    early = [axis for axis in axes if AXES.index(axis) <= max(map(AXES.index, where))]
    if early:
        raise BadInput(
            f"{place} changes {early[0]} by {max(where, key=AXES.index)}; an axis can depend on earlier ones "
            f"only, in the order {', '.join(AXES)}."
        )
    return Override(where, _base(plain.get("base"), f"base of {place}"), axes)


def _axes(plain: Any, place: str) -> dict[str, list]:
    axes = {
        axis: values if isinstance(values, list) else [values]
        for axis, values in _mapping(plain, place, set(AXES), kind="axis").items()
    }
    for axis, values in axes.items():
        if not values:
            raise BadInput(
                f"{place}: {axis} is an empty list, which makes no run. Give a value or leave it out."
            )
    if "task" in axes:
        axes["task"] = [canonical_id(str(task)) for task in axes["task"]]
    return axes


def _base(plain: Any, place: str) -> dict[str, Any]:
    base = _mapping(plain, place)
    engine = _mapping(base.get("engine"), f"engine in {place}")
    taken = [axis for axis in ("task", "model", "seed") if axis in base]
    taken += [name for name in ("id", "sparsity") if name in engine]
    if taken:
        raise BadInput(
            f"{place} sets {taken[0]}; that belongs under `axes`, or for an engine's id `engines`."
        )
    return base | ({"engine": engine} if engine else {})


def _entry(label: str, plain: Any, path: str | Path) -> dict[str, Any]:
    entry = _mapping(plain, f"engine {label} of {path}")
    if "sparsity" in entry:
        raise BadInput(f"engine {label} of {path} sets sparsity; that belongs under `axes`.")
    if {"match_steps_of", "total_steps"} <= entry.keys():
        raise BadInput(
            f"engine {label} of {path} sets total_steps and match_steps_of, which both say how long it "
            "trains; leave one out."
        )
    return {"id": label} | entry


def _mapping(plain: Any, place: str, known: set[str] | None = None, kind: str = "part") -> dict[str, Any]:
    """A mapping with names as keys; nothing at all is an empty one."""
    plain = {} if plain is None else plain
    if not isinstance(plain, dict) or not all(isinstance(name, str) for name in plain):
        raise BadInput(f"{place} is {plain!r}; write names with values, as docs/grid.md shows.")
    for name in plain:
        if known is not None and name not in known:
            raise unknown(f"{kind} of {place}" if kind == "part" else f"{kind} in {place}", name, known)
    return plain


def _merge(target: dict[str, Any], source: Mapping[str, Any]) -> None:
    """Puts `source` over `target`, mapping by mapping."""
    for name, value in source.items():
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            _merge(target[name], value)
        else:
            target[name] = deepcopy(value)
