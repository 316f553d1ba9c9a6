"""The log that live curves are drawn from: one JSON object a line, appended as events happen."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from workbench.errors import Stopped
from workbench.files import disk_trouble, write_text
from workbench.locks import file_lock
from workbench.runs.layout import RunFolder

# Longer than any event.
_TAIL_BYTES = 1 << 16


class EventLog:
    """`events.jsonl` of one run folder.

    Several processes may write to it, so the order of events is only fixed within a stage.

    Every event has `time` (seconds since the epoch), `stage`, `step` (optimizer steps of the stage so far)
    and `event`: "start" (steps: the stage's length), "train" (loss, lr), "evaluation" (metrics, and the
    diagnostics of docs/run-folder.md) or "end" (metrics of the weights that the stage leaves).
    """

    def __init__(self, path: Path):
        self.path = path
        self._lock = file_lock(RunFolder(path.parent).events_lock)

    def append(self, stage: str, event: str, step: int, **values: Any) -> None:
        """Adds one line in a single write, so that a reader never sees half of it."""
        line = (
            json.dumps(
                {"time": round(time.time(), 3), "stage": stage, "event": event, "step": step, **values}
            )
            + "\n"
        )
        try:
            with self._lock, self.path.open("a+b") as file:
                file.write(_line_end(file) + line.encode())
        except OSError as error:
            if reason := disk_trouble(error):
                raise Stopped(
                    f"could not write {self.path}: {reason}. Free some space and run the same command again."
                ) from error
            raise

    def read(self) -> list[dict[str, Any]]:
        """All events so far, without lines that a killed process or a full disk left unfinished."""
        if not self.path.exists():
            return []
        return list(_events(self.path.read_bytes().split(b"\n")[:-1]))

    def last(self) -> dict[str, Any] | None:
        """The last complete event, or None; reads only the end of the file."""
        if not self.path.exists():
            return None
        with self.path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().split(b"\n")[:-1]
        return next(_events(reversed(lines)), None)

    def forget(self, stage: str, after: int) -> None:
        """Removes a stage's events after a step, and its end: the stage is about to repeat those steps."""
        if not self.path.exists():
            return
        with self._lock:
            events = self.read()
            kept = [e for e in events if e["stage"] != stage or (e["step"] <= after and e["event"] != "end")]
            text = "".join(json.dumps(event) + "\n" for event in kept)
            if self.path.read_text(encoding="utf-8") != text:
                write_text(self.path, text)


def _line_end(file: BinaryIO) -> bytes:
    """What ends the last line of a log if a full disk has cut it off, so that the next is one of its own."""
    if not file.seek(0, 2):
        return b""
    file.seek(-1, 2)
    return b"" if file.read(1) == b"\n" else b"\n"


def _events(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        with suppress(ValueError):  # of a line that was cut off
            yield json.loads(line)
