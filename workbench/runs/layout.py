"""Where everything in a run folder and in a store is. No other module spells these paths.

docs/run-folder.md describes the files themselves.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from workbench.stages import Stage

_SPEC, _RESULTS = "spec.yaml", "results.json"
_STATE, _DONE, _RACE = "state.safetensors", "done.json", "race.json"


class StagePaths:
    """The files of one stage; none of them need exist.

    Attributes:
        folder: their folder.
        checkpoint: what a resume needs; only while the stage is under way.
        state: the weights that the stage left; removed once the run is complete, unless they are kept.
        done: the stage's record, written last.
        race: the outcome of a race.
        dropped: the candidates that a person took out of a race under way.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.checkpoint = folder / "checkpoint.safetensors"
        self.state = folder / _STATE
        self.done = folder / _DONE
        self.race = folder / _RACE
        self.dropped = folder / "dropped.json"

    def best(self, step: int) -> Path:
        """The weights of the best evaluation so far, after `step` optimizer steps, of a stage under way."""
        return self.folder / f"best-{step}.safetensors"

    def bests(self) -> list[Path]:
        """All such files that exist."""
        return sorted(self.folder.glob("best-*.safetensors"))


def _in_folder(place: str) -> cached_property:
    """A path in a folder, made when it is first asked for: of thousands of runs few paths are."""
    return cached_property(lambda folder: folder.root / place)


class RunFolder:
    """The files of one run, or of a dense model that several runs share; none of them need exist.

    Attributes:
        root: the folder.
        spec: what was asked for.
        environment: what else the run's bits depend on.
        identity: of a shared dense model, what its hash covers.
        plan: how many optimizer steps the run will take.
        events: the log that live curves are drawn from.
        results: the figures of a complete run; written last.
        predictions: the final model's outputs on dev.
        speed: how long forward passes of the final model take, if that was measured.
        model: the folder of the final model.
        model_weights: the weights in that folder.
        unfinished_model: the same folder while it is being written.
        teacher_logits: what a shared dense model says about each training example.
        teacher_lock: held while that is being computed.
        lock: held by the process that is at work on the run.
        events_lock: held while a process writes to that log.
        job, job_log, job_ending: a background run's process, its output, and how it ended.
        job_lock: held while a background run is being started.
    """

    spec = _in_folder(_SPEC)
    environment = _in_folder("environment.json")
    identity = _in_folder("identity.json")
    plan = _in_folder("plan.json")
    events = _in_folder("events.jsonl")
    results = _in_folder(_RESULTS)
    predictions = _in_folder("predictions.safetensors")
    speed = _in_folder("speed.json")
    model = _in_folder("model")
    model_weights = _in_folder("model/model.safetensors")
    unfinished_model = _in_folder(".model.part")
    teacher_logits = _in_folder("teacher-logits.safetensors")
    teacher_lock = _in_folder(".teacher.lock")
    lock = _in_folder(".lock")
    events_lock = _in_folder(".events.lock")
    job = _in_folder(".job")
    job_lock = _in_folder(".job.lock")
    job_log = _in_folder("job.log")
    job_ending = _in_folder("job.json")
    _stages = _in_folder("stages")
    _masks = _in_folder("masks")

    def __init__(self, root: str | Path):
        self.root = root if isinstance(root, Path) else Path(root)

    def stage(self, stage: str) -> StagePaths:
        """The files of a stage."""
        return StagePaths(self._stages / stage)

    def mask(self, stage: str) -> Path:
        """The mask that a stage trains under, or leaves."""
        return self._masks / f"{stage}.safetensors"

    def worker_lock(self, number: int) -> Path:
        """Held, as long as it lives, by one of the processes that train stages side by side."""
        return self.root / f".worker-{number}.lock"

    def worker_locks(self) -> list[Path]:
        """All such files that exist."""
        return sorted(self.root.glob(".worker-*.lock"))

    def complete_stages(self) -> Iterator[Stage]:
        """The stages that have a record, by name."""
        return self._stages_with(_DONE)

    def complete_races(self) -> Iterator[Stage]:
        """The races that have an outcome, by name."""
        return self._stages_with(_RACE)

    def stages_with_states(self) -> Iterator[Stage]:
        """The stages whose weights are there, by name."""
        return self._stages_with(_STATE)

    def candidates(self, race: str) -> list[Stage]:
        """The candidates of a race that have a mask, in order; none before the race has begun."""
        masks = (self._masks / race).glob("*.safetensors")
        stages = (Stage(f"{race}/{path.stem}") for path in masks if not path.name.startswith("."))
        return sorted(
            (stage for stage in stages if stage.candidate_number is not None),
            key=lambda stage: stage.candidate_number,
        )

    def particles(self, level: str) -> list[Stage]:
        """The particles of a level that have a record, in order."""
        complete = [stage for stage in self.complete_stages() if stage.parent == level]
        return sorted(
            (stage for stage in complete if stage.particle_number is not None),
            key=lambda stage: stage.particle_number,
        )

    def scaffolding(self, keep_states: bool) -> list[Path]:
        """What only a resume needs, and what killed writers left."""
        patterns = ("checkpoint.safetensors", "best-*.safetensors") if keep_states else ("*.safetensors",)
        tensors = (path for pattern in patterns for path in self._stages.rglob(pattern))
        return [*tensors, *self.root.rglob(".*.part"), *self.worker_locks(), self.events_lock]

    def _stages_with(self, file: str) -> Iterator[Stage]:
        for path in sorted(self._stages.rglob(file)):
            yield Stage(path.parent.relative_to(self._stages).as_posix())


class Store:
    """A folder of run folders, beside what the runs share; it need not exist.

    Attributes:
        root: the folder.
    """

    def __init__(self, root: str | Path):
        self.root = Path(root)

    def run(self, name: str) -> RunFolder:
        """A run's folder."""
        return RunFolder(self.root / name)

    def runs(self) -> list[Path]:
        """The folders of all runs, by name."""
        return [self.root / name for name in sorted(self._names(_SPEC))]

    def complete_runs(self) -> list[Path]:
        """The folders of complete runs, by name."""
        return [self.root / name for name in sorted(self._names(_SPEC, _RESULTS))]

    def is_empty(self) -> bool:
        """Whether there is no run, which is found out without looking at all folders."""
        return next(self._names(_SPEC), None) is None

    def _names(self, *files: str) -> Iterator[str]:
        with (
            suppress(FileNotFoundError, NotADirectoryError, PermissionError),
            os.scandir(self.root) as entries,
        ):
            for entry in entries:
                if all(os.path.exists(f"{entry.path}/{file}") for file in files):
                    yield entry.name

    def dense(self, digest: str) -> RunFolder:
        """The folder of a dense model that runs share."""
        return RunFolder(self.root / "shared" / f"dense-{digest}")

    def log(self, name: str) -> Path:
        """The output of a run that a grid started, or the traceback of a defect."""
        return self.root / "logs" / f"{name}.log"

    @property
    def probe(self) -> Path:
        """A lock that nothing needs, to find out whether locks work."""
        return self.root / ".doctor.lock"

    @property
    def submissions(self) -> Path:
        """The job files and outputs of a batch system."""
        return self.root / "logs" / "submissions"

    def tracked(self, tracker: str) -> Path:
        """What a tracker was given: TensorBoard's event files, or notes on how far each run was sent."""
        return self.root / "tracked" / tracker
