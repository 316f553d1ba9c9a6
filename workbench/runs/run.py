"""A run folder, read."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from workbench import plugins
from workbench.errors import BadInput
from workbench.files import read_json
from workbench.masks import Mask
from workbench.runs.events import EventLog
from workbench.runs.layout import RunFolder
from workbench.runs.races import RaceOutcome
from workbench.runs.records import Evaluation
from workbench.runs.spec import RunSpec
from workbench.runs.stage_folder import read_record
from workbench.stages import Stage

FORMAT = 1


@dataclass(frozen=True)
class CandidateResult:
    """A candidate of a race that is over.

    Attributes:
        index: its place in the pool.
        score: its early score, a mean of the primary metric.
        loss: the mean validation loss of the same evaluations; None in runs that recorded none.
        chosen: whether it won.
        dropped: whether a person took it out of the race.
        ratio: its sampling ratio; None for a copy of the magnitude mask, and where no ratio was asked for.
        from_magnitude: share of its kept weights that the magnitude mask of the same parent and sparsity
            prunes; None if the engine did not record it.
        path: its mask file.
        curve: its evaluations, (step, primary metric) each.
        losses: the same evaluations, (step, validation loss) each; none in runs that recorded none.
        interim: steps of the evaluations that saw fewer examples and enter no score.
    """

    index: int
    score: float
    chosen: bool
    dropped: bool
    ratio: float | None
    from_magnitude: float | None
    path: Path
    curve: tuple[tuple[int, float], ...]
    loss: float | None = None
    losses: tuple[tuple[int, float], ...] = ()
    interim: tuple[int, ...] = ()

    @property
    def mask(self) -> Mask:
        """The mask, read from its file."""
        return Mask.load(self.path)


class Run:
    """A run, read from its folder.

    Args:
        path: the run folder.

    Attributes:
        path: the run folder.
        name: the folder's name.
        folder: the paths of its files.

    Raises:
        BadInput: the folder holds no run.
    """

    def __init__(self, path: str | Path):
        self.folder = RunFolder(path)
        self.path = self.folder.root
        self.name = self.path.name
        self._version: tuple[int, ...] | None = None
        self._results: dict = {}
        self._final_counts: dict[str, tuple[int, int]] = {}
        if not self.folder.spec.is_file():
            raise BadInput(
                f"{self.path} is no run folder: it has no {self.folder.spec.name}. `workbench "
                "runs` lists the runs of a store; delete a damaged run's folder to make the run again."
            )

    @cached_property
    def spec(self) -> RunSpec:
        """What was asked for.

        Raises:
            BadInput: the file is damaged, or the run needs a plugin that is not loaded.
        """
        self._check_plugins()
        return RunSpec.from_yaml(self.folder.spec)

    @property
    def done(self) -> bool:
        """Whether the run is complete."""
        return self.folder.results.exists()

    @property
    def results(self) -> dict:
        """The contents of `results.json` (docs/run-folder.md); not to be changed.

        Raises:
            BadInput: the run is not complete, or its results are damaged or of another format.
        """
        try:
            state = self.folder.results.stat()
        except FileNotFoundError:
            raise BadInput(
                f"run {self.name} is not complete. Run the command that started it again to resume it."
            ) from None
        version = state.st_ino, state.st_mtime_ns, state.st_size
        if version != self._version:  # tables of many runs look at each of them many times
            self._results, self._version = self._read_results(), version
        return self._results

    def _read_results(self) -> dict:
        results = read_json(self.folder.results)
        if not isinstance(results, dict) or results.get("format") != FORMAT:
            raise BadInput(
                f"{self.folder.results} does not have format {FORMAT}, the only one that this version "
                f"reads. Read it with the version that made it ({self.folder.environment.name}), or make "
                "the run again."
            )
        return results

    @property
    def dev_score(self) -> tuple[str, float]:
        """Name and value of the primary metric on the first dev split; the name is such as "dev accuracy"."""
        split, metrics = next(iter(self.results["dev"].items()))
        metric, value = next(iter(metrics.items()))
        return f"{dev_name(split)} {metric}", value

    @property
    def optimizer_steps(self) -> int:
        """Steps spent on finding the mask and training under it, without the shared dense model's."""
        return self.results["cost"]["total"]["optimizer_steps"]

    @property
    def dense_steps(self) -> int:
        """Steps of the dense model if the engine continued it, and 0 if it began at the pretrained encoder.

        Runs of earlier versions did not record them; theirs follow from the engine's `start`.
        """
        cost = self.results["cost"]
        if "dense" in cost:
            return cost["dense"]["optimizer_steps"]
        went_on = self.spec.engine.start == "dense"
        return self.results["dense"]["cost"]["optimizer_steps"] if went_on else 0

    @property
    def recovery(self) -> dict[str, float]:
        """Steps at peak rate since the final mask last changed and since its sparsity was final.

        Empty in runs of earlier versions (see `runs.records.Record`).
        """
        return self.results["levels"][-1].get("recovery", {})

    @property
    def environment(self) -> dict:
        """Precision, threads, hardware and library versions."""
        return read_json(self.folder.environment)

    @property
    def speed(self) -> dict | None:
        """What `workbench speed` measured last (docs/run-folder.md); None if it has not."""
        return read_json(self.folder.speed) if self.folder.speed.exists() else None

    def events(self) -> list[dict]:
        """All events so far, in order (see `runs/events.py`)."""
        return EventLog(self.folder.events).read()

    def mask(self, level: int | None = None) -> Mask:
        """The mask of a level, counted from 1; by default the final one."""
        stage = self.results["levels"][-1]["stage"] if level is None else Stage.level(level)
        mask = Mask.load(self.folder.mask(stage))
        if level is None:
            kept = mask.kept_per_matrix()
            self._final_counts = {name: (kept[name], mask.packed(name).numel) for name in mask}
        return mask

    def final_counts(self) -> dict[str, tuple[int, int]]:
        """Of each matrix, how many weights the final mask keeps, and how many there are.

        The mask is not read again if it was read before.
        """
        if not self._final_counts:
            self.mask()
        return self._final_counts

    def candidates(self, level: int, race: str = "race", order: int = 0) -> tuple[CandidateResult, ...]:
        """The pool of a level's race, in order; empty for an engine without races.

        Args:
            level: counted from 1.
            race: "race" for the early one, "full" for the one that trained every candidate in full.
            order: of the full ones, which data order (`full_orders` of the engine `randomized`).
        """
        stage = Stage.level(level).full_in(order) if race == "full" else Stage.level(level).race
        outcome = RaceOutcome.read(self.folder.stage(stage).race)
        if outcome is None:
            return ()
        evaluations = [self._evaluations(stage.candidate(index)) for index in range(len(outcome.candidates))]
        return tuple(
            CandidateResult(
                index=index,
                score=entry["score"],
                chosen=index == outcome.best,
                dropped=index in outcome.dropped,
                ratio=entry.get("ratio"),
                from_magnitude=entry.get("from_magnitude"),
                path=self.folder.mask(stage.candidate(index)),
                curve=tuple((evaluation.step, evaluation.primary) for evaluation in own),
                loss=entry.get("loss"),
                losses=tuple((e.step, e.loss) for e in own if e.loss is not None),
                interim=tuple(e.step for e in own if e.interim),
            )
            for index, (entry, own) in enumerate(zip(outcome.candidates, evaluations, strict=True))
        )

    def particles(self, level: int) -> tuple[dict[str, float], ...]:
        """Validation metrics of a level's particles, in order; empty for an engine without particles."""
        stages = self.folder.particles(Stage.level(level))
        return tuple(read_record(self.folder.stage(stage).done).kept.metrics for stage in stages)

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

    def _evaluations(self, stage: Stage) -> tuple[Evaluation, ...]:
        path = self.folder.stage(stage).done
        return read_record(path).evaluations if path.exists() else ()

    def check(self) -> "Run":
        """This run, once its spec and its results have been read.

        Raises:
            BadInput: it is not complete, a file is damaged, or it needs a plugin that is not loaded.
        """
        _ = self.spec, self.results
        return self

    def _check_plugins(self) -> None:
        try:
            environment = self.environment
        except FileNotFoundError:
            return
        if recorded := environment.get("plugins"):
            plugins.check_records(recorded, f"run {self.name}")

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {'complete' if self.done else 'not complete'})"


def dev_name(split: str) -> str:
    """A dev split's name for readers: GLUE's files call the dev sets "validation"."""
    first, _, rest = split.partition("_")
    name = "dev" if first == "validation" else first
    return f"{name} ({rest})" if rest else name
