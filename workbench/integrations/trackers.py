"""The trackers: TensorBoard through its event files, trackio and Weights & Biases through their libraries."""

import os
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from huggingface_hub import get_token

from workbench.errors import BadInput
from workbench.files import read_json, write_json
from workbench.runs import Run
from workbench.runs.portable import without_paths
from workbench.settings import to_plain

_PROJECT = "pruning-workbench"


@dataclass(frozen=True)
class Point:
    """The values of one event that can be plotted.

    Attributes:
        stage: the stage of the run.
        kind: the kind of event.
        step: optimizer steps of the stage so far.
        time: seconds since the epoch.
        values: the values by tag.
    """

    stage: str
    kind: str
    step: int
    time: float
    values: dict[str, float]


class Tracker(Protocol):
    """The interface of a tracker.

    Attributes:
        pause: seconds between two readings of a run in progress.
        folder: the tracker's folder in the store.
    """

    pause: ClassVar[float]
    folder: Path

    def __init__(self, folder: Path): ...

    @classmethod
    def check(cls) -> None:
        """Raises `BadInput` if credentials are missing."""

    def send(self, run: Run, points: Iterable[Point]) -> None:
        """Sends new points; a point is identified by its stage, its tag or kind, and its step."""

    def close(self) -> None:
        """Ends the session."""


class TensorBoard:
    """Event files, in one folder per run and stage: `tensorboard --logdir FOLDER`.

    What has been written is read back from the files, so that after a kill nothing is missing or repeated.
    """

    pause: ClassVar[float] = 1.0

    def __init__(self, folder: Path):
        self.folder = folder
        self._written: dict[Path, set[tuple[str, int]]] = {}
        self._writers: dict[Path, Any] = {}

    @classmethod
    def check(cls) -> None:
        """Files need no credentials."""

    def send(self, run: Run, points: Iterable[Point]) -> None:
        """Writes the points that are not in the event files of the run."""
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import scalar

        for point in points:
            folder = self.folder / run.name / point.stage
            if folder not in self._written:
                self._written[folder] = set(_scalars(folder))
            for tag, value in point.values.items():
                if (tag, point.step) not in self._written[folder]:
                    event = Event(wall_time=point.time, step=point.step, summary=scalar(tag, value))
                    self._writer(folder).write_event(event)
                    self._written[folder].add((tag, point.step))
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Closes the files."""
        while self._writers:
            self._writers.popitem()[1].close()

    def _writer(self, folder: Path) -> Any:
        from tensorboardX.event_file_writer import EventsWriter

        if folder not in self._writers:
            folder.mkdir(parents=True, exist_ok=True)
            # The library names files by the second only, and would overwrite one of the same second.
            number = len(list(folder.glob("*.tfevents.*")))
            self._writers[folder] = EventsWriter(str(folder / "events"), filename_suffix=f".{number}")
        return self._writers[folder]


class _Noted:
    """A tracker that cannot be queried: notes in the store record how far each stage was sent."""

    pause: ClassVar[float] = 20.0

    def __init__(self, folder: Path):
        self.folder = folder

    def send(self, run: Run, points: Iterable[Point]) -> None:
        """Sends the points after the noted ones, then updates the notes."""
        file = self.folder / f"{run.name}.json"
        noted: dict[str, int] = read_json(file) if file.exists() else {}
        fresh = [point for point in points if point.step > noted.get(_key(point), -1)]
        if fresh:
            with self._session(run) as log:
                for point in fresh:
                    log(point)
                    noted[_key(point)] = point.step
            write_json(file, noted)

    def close(self) -> None:
        """Does nothing, since each batch has its own session."""


class Trackio(_Noted):
    """trackio: a SQLite database on this machine, or the Space in TRACKIO_SPACE_ID."""

    @classmethod
    def check(cls) -> None:
        """Raises `BadInput` if there is a Space but no token for the Hub."""
        if os.environ.get("TRACKIO_SPACE_ID") and get_token() is None:
            raise BadInput(
                "TRACKIO_SPACE_ID is set, and nobody is logged in to the Hub. Run `hf auth login`, set "
                "HF_TOKEN, or unset TRACKIO_SPACE_ID to track on this machine."
            )

    @contextmanager
    def _session(self, run: Run) -> Iterator[Any]:
        import trackio

        with redirect_stdout(sys.stderr):
            trackio.init(
                project=os.environ.get("TRACKIO_PROJECT", _PROJECT),
                name=run.name,
                config=without_paths(to_plain(run.spec)),
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
            try:
                yield lambda point: trackio.log(_by_stage(point), step=point.step)
            finally:
                trackio.finish()


class WandB(_Noted):
    """Weights & Biases; WANDB_MODE=offline writes files that `wandb sync` uploads."""

    @classmethod
    def check(cls) -> None:
        """Raises `BadInput` if it is used online without a key."""
        import wandb

        if os.environ.get("WANDB_MODE") in ("offline", "disabled"):
            return
        with redirect_stdout(sys.stderr):
            known = wandb.login(prompt=False, verify=False)
        if not known:
            raise BadInput(
                "Weights & Biases has no key here. Run `wandb login`, set WANDB_API_KEY, or set "
                "WANDB_MODE=offline to write files that `wandb sync` uploads later."
            )

    @contextmanager
    def _session(self, run: Run) -> Iterator[Any]:
        import wandb

        self.folder.mkdir(parents=True, exist_ok=True)
        session = wandb.init(
            project=os.environ.get("WANDB_PROJECT", _PROJECT),
            id=run.name,
            name=run.name,
            config=without_paths(to_plain(run.spec)),
            resume="allow",
            dir=self.folder,
            mode=os.environ.get("WANDB_MODE"),
            # Nothing about this machine, whose process trains nothing.
            settings=wandb.Settings(
                silent=True, console="off", disable_git=True, x_disable_meta=True, x_disable_stats=True
            ),
        )
        try:
            # Its own steps only rise, and every stage counts from 0.
            session.define_metric("step of the stage", hidden=True)
            session.define_metric("*", step_metric="step of the stage")
            yield lambda point: session.log(_by_stage(point) | {"step of the stage": point.step})
        finally:
            session.finish()


TRACKERS: dict[str, type[Tracker]] = {"tensorboard": TensorBoard, "trackio": Trackio, "wandb": WandB}


def _key(point: Point) -> str:
    return f"{point.stage} {point.kind}"


def _by_stage(point: Point) -> dict[str, float]:
    return {f"{point.stage}/{tag}": value for tag, value in point.values.items()}


def _scalars(folder: Path) -> Iterator[tuple[str, int]]:
    """The tag and the step of every scalar in the event files of a folder."""
    from tensorboardX.proto.event_pb2 import Event

    for path in sorted(folder.glob("*.tfevents.*")):
        for record in _records(path.read_bytes()):
            event = Event.FromString(record)
            yield from ((value.tag, event.step) for value in event.summary.value)


def _records(data: bytes) -> Iterator[bytes]:
    """The records of an event file: length and its checksum, then content and its checksum.

    A last record that a killed process left unfinished is left out.
    """
    start = 0
    while start + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, start)
        end = start + 12 + length
        if end + 4 > len(data):
            return
        yield data[start + 12 : end]
        start = end + 4
