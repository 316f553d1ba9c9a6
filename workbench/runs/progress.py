"""How far a run has come, read from its folder while it is under way."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.files import read_json
from workbench.runs.events import EventLog


@dataclass(frozen=True)
class Progress:
    """Optimizer steps.

    Attributes:
        done: how many are done, those of the shared dense model included.
        total: how many there will be; None before the run has begun.
        stage: what is under way, or was last.
    """

    done: int = 0
    total: int | None = None
    stage: str = ""


class Follower:
    """Reads a run folder again and again, each time only what is new.

    Args:
        path: the run folder; it need not exist yet.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._events = _Tail(self.path / "events.jsonl")
        self._dense: _Tail | None = None

    def events(self) -> list[dict[str, Any]]:
        """The run's events so far (`runs/events.py`)."""
        return self._events.read()

    def dense_events(self) -> list[dict[str, Any]]:
        """Those of the dense model that the run starts from, which other runs may share."""
        if self._dense is None and (plan := self._plan()):
            self._dense = _Tail(self.path.parent / plan["dense"]["folder"] / "events.jsonl")
        return self._dense.read() if self._dense else []

    def progress(self) -> Progress:
        """How far it is now."""
        dense, events, plan = self.dense_events(), self.events(), self._plan()
        return Progress(
            done=steps_done(dense) + steps_done(events),
            total=plan["steps"] + plan["dense"]["steps"] if plan else None,
            stage=next((log[-1]["stage"] for log in (events, dense) if log), ""),
        )

    def _plan(self) -> dict | None:
        """What `runs/launch.py` wrote down when the run began; None before that."""
        path = self.path / "plan.json"
        return read_json(path) if path.exists() else None


def steps_done(events: list[dict[str, Any]]) -> int:
    """Optimizer steps of all stages that train, as far as events tell."""
    trained = {event["stage"] for event in events if event["event"] == "start"}
    last = {event["stage"]: event["step"] for event in events if event["stage"] in trained}
    return sum(last.values())


class _Tail:
    """The events of a log, read again only where it has changed."""

    def __init__(self, path: Path):
        self._log = EventLog(path)
        self._version: tuple[int, int, int] | None = None
        self._events: list[dict[str, Any]] = []

    def read(self) -> list[dict[str, Any]]:
        if not self._log.path.exists():
            return []
        about = self._log.path.stat()
        version = about.st_ino, about.st_size, about.st_mtime_ns
        if version != self._version:
            self._events, self._version = self._log.read(), version
        return self._events
