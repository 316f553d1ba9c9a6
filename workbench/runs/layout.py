"""Where everything in a run folder and in a store is. No other module spells these paths.

docs/run-folder.md describes the files themselves.
"""

from collections.abc import Iterator
from pathlib import Path

from workbench.stages import Stage

_SPEC, _STATE, _DONE, _RACE = "spec.yaml", "state.safetensors", "done.json", "race.json"


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

    def __init__(self, root: str | Path):
        self.root = root = Path(root)
        self.spec = root / _SPEC
        self.environment = root / "environment.json"
        self.identity = root / "identity.json"
        self.plan = root / "plan.json"
        self.events = root / "events.jsonl"
        self.results = root / "results.json"
        self.predictions = root / "predictions.safetensors"
        self.speed = root / "speed.json"
        self.model = root / "model"
        self.model_weights = self.model / "model.safetensors"
        self.unfinished_model = root / ".model.part"
        self.teacher_logits = root / "teacher-logits.safetensors"
        self.teacher_lock = root / ".teacher.lock"
        self.lock = root / ".lock"
        self.events_lock = root / ".events.lock"
        self.job = root / ".job"
        self.job_lock = root / ".job.lock"
        self.job_log = root / "job.log"
        self.job_ending = root / "job.json"
        self._stages = root / "stages"
        self._masks = root / "masks"

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
        return sorted(path.parent for path in self.root.glob(f"*/{_SPEC}"))

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
