"""The progress of a run, read from its folder while it is under way."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.files import read_json
from workbench.runs.events import EventLog
from workbench.runs.layout import RunFolder


@dataclass(frozen=True)
class Progress:
    """Optimizer steps, those of the shared dense model included.

    Attributes:
        done: steps so far.
        total: steps of the whole run; None before it has begun.
        stage: the stage under way, or the last one.
    """

    done: int = 0
    total: int | None = None
    stage: str = ""


class Follower:
    """Reads a run folder repeatedly, each time only if it has changed.

    Args:
        path: the run folder; it need not exist yet.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._folder = RunFolder(self.path)
        self._events = _Tail(self._folder.events)
        self._dense: _Tail | None = None

    def events(self) -> list[dict[str, Any]]:
        """The run's events so far (see `runs/events.py`)."""
        return self._events.read()

    def dense_events(self) -> list[dict[str, Any]]:
        """The events of the dense model that the run starts from, which other runs may share."""
        if self._dense is None and (plan := self._plan()):
            self._dense = _Tail(RunFolder(self.path.parent / plan["dense"]["folder"]).events)
        return self._dense.read() if self._dense else []

    def progress(self) -> Progress:
        """The progress at this moment."""
        dense, events, plan = self.dense_events(), self.events(), self._plan()
        return Progress(
            done=steps_done(dense) + steps_done(events),
            total=plan["steps"] + plan["dense"]["steps"] if plan else None,
            stage=next((log[-1]["stage"] for log in (events, dense) if log), ""),
        )

    def _plan(self) -> dict | None:
        """The lengths written when the run began; None before that."""
        return read_json(self._folder.plan) if self._folder.plan.exists() else None


def steps_done(events: list[dict[str, Any]]) -> int:
    """Optimizer steps of all stages that train, according to their events."""
    trained = {event["stage"] for event in events if event["event"] == "start"}
    last = {event["stage"]: event["step"] for event in events if event["stage"] in trained}
    return sum(last.values())


class _Tail:
    """The events of a log, read again only if it has changed."""

    def __init__(self, path: Path):
        self._log = EventLog(path)
        self._version: tuple[int, int, int] | None = None
        self._events: list[dict[str, Any]] = []

    def read(self) -> list[dict[str, Any]]:
        if not self._log.path.exists():
            return []
        stat = self._log.path.stat()
        version = stat.st_ino, stat.st_size, stat.st_mtime_ns
        if version != self._version:
            self._events, self._version = self._log.read(), version
        return self._events
