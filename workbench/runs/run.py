"""A run folder, read."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from workbench.errors import BadInput, unknown
from workbench.files import read_json
from workbench.masks import Mask
from workbench.runs.events import EventLog
from workbench.runs.spec import RunSpec
from workbench.runs.stage import Record

FORMAT = 1


@dataclass(frozen=True)
class Candidate:
    """One mask of a race.

    Attributes:
        index: its place in the pool.
        score: its early score.
        chosen: whether it won.
        dropped: whether a person took it out of the race.
        ratio: its sampling ratio; None for a copy of the magnitude mask.
        from_magnitude: share of its kept weights that the magnitude mask of the same parent and sparsity
            prunes; None where the engine does not say.
        path: its mask file.
        curve: its evaluations, (step, primary metric) each.
    """

    index: int
    score: float
    chosen: bool
    dropped: bool
    ratio: float | None
    from_magnitude: float | None
    path: Path
    curve: tuple[tuple[int, float], ...]

    @property
    def mask(self) -> Mask:
        """The mask, read from its file."""
        return Mask.load(self.path)


class Run:
    """What is known of a run, all of it read from its folder.

    Args:
        path: the run folder.

    Raises:
        BadInput: there is no run in that folder.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not (self.path / "spec.yaml").is_file():
            raise BadInput(
                f"{self.path} is no run folder: it has no spec.yaml. `workbench runs` lists what is there; "
                "where one was damaged, delete its folder, and the run can be made again."
            )

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @cached_property
    def spec(self) -> RunSpec:
        """What was asked for."""
        return RunSpec.from_yaml(self.path / "spec.yaml")

    @property
    def done(self) -> bool:
        """Whether the run is complete."""
        return (self.path / "results.json").exists()

    @property
    def results(self) -> dict:
        """The contents of `results.json` (docs/run-folder.md).

        Raises:
            BadInput: the run is not complete, or its results are damaged or of another format.
        """
        if not self.done:
            raise BadInput(
                f"run {self.name} is not complete. The command that began it, given again, goes on with it."
            )
        path = self.path / "results.json"
        results = read_json(path)
        if not isinstance(results, dict) or results.get("format") != FORMAT:
            raise BadInput(
                f"{path} does not have format {FORMAT}, the one that this version of the workbench reads. "
                "Read it with the version that environment.json names, or make the run again."
            )
        return results

    @property
    def optimizer_steps(self) -> int:
        """What finding the mask and training under it took; the shared dense model apart."""
        return self.results["cost"]["total"]["optimizer_steps"]

    @property
    def environment(self) -> dict:
        """Precision, threads, hardware and library versions."""
        return read_json(self.path / "environment.json")

    def events(self) -> list[dict]:
        """All events so far, in order (`runs/events.py` says what they hold)."""
        return EventLog(self.path / "events.jsonl").read()

    def mask(self, level: int | None = None) -> Mask:
        """The mask of a level, counted from 1; the final one where no level is named."""
        stage = self.results["levels"][-1]["stage"] if level is None else f"level-{level}"
        return Mask.load(self.path / "masks" / f"{stage}.safetensors")

    def candidates(self, level: int, race: str = "race") -> tuple[Candidate, ...]:
        """The pool of a level's race, in order; empty for an engine that holds none.

        Args:
            level: counted from 1.
            race: "race" for the early one, "full" where every candidate was also trained in full.
        """
        stage = f"level-{level}/{race}"
        outcome = self.path / "stages" / stage / "race.json"
        if not outcome.exists():
            return ()
        race_result = read_json(outcome)
        return tuple(
            Candidate(
                index=i,
                score=entry["score"],
                chosen=i == race_result["best"],
                dropped=i in race_result.get("dropped", ()),
                ratio=entry.get("ratio"),
                from_magnitude=entry.get("from_magnitude"),
                path=self.path / "masks" / stage / f"candidate-{i}.safetensors",
                curve=self._curve(f"{stage}/candidate-{i}"),
            )
            for i, entry in enumerate(race_result["candidates"])
        )

    def particles(self, level: int) -> tuple[dict[str, float], ...]:
        """Validation metrics of a level's particles, in order; empty for an engine that averages none."""
        folder = self.path / "stages" / f"level-{level}"
        done = {int(path.parent.name.split("-")[1]): path for path in folder.glob("particle-*/done.json")}
        return tuple(Record.from_plain(read_json(done[i])).kept.metrics for i in sorted(done))

    def table(self) -> pd.DataFrame:
        """One row a level: stage, sparsity, kept, metrics on validation and dev, optimizer steps, seconds."""
        rows = []
        for level in self.results["levels"]:
            validation = {f"validation {name}": value for name, value in level["validation"].items()}
            dev = {
                f"{dev_name(split)} {name}": value
                for split, metrics in level["dev"].items()
                for name, value in metrics.items()
            }
            cost = {name: level["cost"][name] for name in ("optimizer_steps", "seconds")}
            rows.append(
                {name: level[name] for name in ("stage", "sparsity", "kept")} | validation | dev | cost
            )
        return pd.DataFrame(rows)

    def _curve(self, stage: str) -> tuple[tuple[int, float], ...]:
        record = self.path / "stages" / stage / "done.json"
        evaluations = read_json(record)["evaluations"] if record.exists() else []
        return tuple((e["step"], next(iter(e["metrics"].values()))) for e in evaluations)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {'done' if self.done else 'not complete'})"


def dev_name(split: str) -> str:
    """What a reader calls a dev split: GLUE's dev sets are named "validation" in its files."""
    first, _, rest = split.partition("_")
    name = "dev" if first == "validation" else first
    return f"{name} ({rest})" if rest else name


def runs_in(store: str | Path) -> list[Run]:
    """The runs of a store, by name; a store that does not exist yet has none."""
    return [Run(path.parent) for path in sorted(Path(store).glob("*/spec.yaml"))]


def usual_store() -> Path:
    """Where a notebook finds the runs: `runs` in its folder or beside that, whichever there is."""
    return next((store for store in map(Path, ("runs", "../runs")) if store.is_dir()), Path("runs"))


def find_run(name: str, store: str | Path) -> Run:
    """A run by its folder or its name in a store; `BadInput` with the nearest names where there is none."""
    for path in (Path(name), Path(store) / name):
        if (path / "spec.yaml").is_file():
            return Run(path)
    raise unknown(f"run in {store}", name, [run.name for run in runs_in(store)])


def find_runs(name: str, store: str | Path) -> list[Run]:
    """The complete runs of the store `name` where that is a folder of runs; else the run of that name."""
    there = [] if (Path(name) / "spec.yaml").is_file() else runs_in(name)
    return [run for run in there if run.done] or [find_run(name, store)]
