"""Runs in the background: each in a process of its own, which outlives the notebook that started it.

Everything about a job stands in the run folder, so that any process can look after it: `.job`, which the
process holds locked for as long as it lives, with its process id; `job.log`, what it says; and `job.json`,
how it ended. The system drops the lock when the process dies in whatever way, and the number is used only
while the lock is held, so a process that was given the same number later is never taken for it.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Literal

from workbench.errors import BadInput
from workbench.files import read_json
from workbench.runs.spec import RunSpec
from workbench.runs.worker import STOPPING

ENDING = "job.json"
_LOCK = ".job"
_RUN_LOCK = ".lock"  # held by whatever process is at work on the run (`runs/launch.py`)
_PATIENCE_SECONDS = 2.0

JobState = Literal["not started", "running", "stopped", "failed", "done"]


class Job:
    """A run as a process, seen from outside.

    Args:
        path: the run folder; it need not exist yet.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)

    @property
    def log(self) -> Path:
        """What the process said since it was last started."""
        return self.path / "job.log"

    @property
    def state(self) -> JobState:
        """Where the run stands. One that "stopped" or "failed" can be started again."""
        if _is_held(self.path / _LOCK) or _is_held(self.path / _RUN_LOCK):
            return "running"
        # Only now: what ends a run is written before its locks are let go.
        if (self.path / "results.json").exists():
            return "done"
        if (self.path / _LOCK).exists():
            return "stopped" if self._exit_code() == 3 else "failed"
        return "stopped" if (self.path / "spec.yaml").exists() else "not started"

    @property
    def reason(self) -> str:
        """Why the run stopped or failed, in a sentence or two; empty where it did not."""
        state = self.state
        if state not in ("stopped", "failed"):
            return ""
        code = self._exit_code()
        if code is None and state == "failed":
            return (
                "The process was killed, perhaps for lack of memory. What was done is kept; start it again "
                "to go on."
            )
        if code is None:
            return "The run is not complete; start it to go on."
        words = self.log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
        return words if code in (2, 3) else f"{words} (see {self.log})"

    def stop(self) -> None:
        """Asks the process to stop; it does so within a training step or an evaluation, and can be resumed.

        Raises:
            BadInput: the run was started elsewhere, so its process is not known, or belongs to another user.
        """
        if not _is_held(self.path / _LOCK):
            if _is_held(self.path / _RUN_LOCK):
                raise BadInput(
                    f"run {self.path.name} was started elsewhere, perhaps in a shell. Stop it there, with "
                    "Ctrl-C."
                )
            return
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not (number := (self.path / _LOCK).read_text()) and time.monotonic() < deadline:
            time.sleep(0.01)  # it is being started this very moment
        try:
            os.kill(int(number), signal.SIGINT)
        except ProcessLookupError:
            pass
        except PermissionError:
            raise BadInput(f"run {self.path.name} belongs to another user, who alone can stop it.") from None

    def wait(self, seconds: float = float("inf")) -> JobState:
        """Waits until the run is no longer under way, or for so many seconds; where it stands then."""
        deadline = time.monotonic() + seconds
        while (state := self.state) == "running" and time.monotonic() < deadline:
            time.sleep(0.05)
        return state

    def _exit_code(self) -> int | None:
        """That of the last process; None where it ended without a word."""
        path = self.path / ENDING
        return read_json(path)["exit_code"] if path.exists() else None

    def __repr__(self) -> str:
        return f"Job({str(self.path)!r}, {self.state})"


def start(spec: RunSpec, store: str | Path = "runs") -> Job:
    """Starts a run, or what is left of it, in a process of its own, and returns at once.

    A run that is complete or under way is left alone, whoever started it.

    Raises:
        BadInput: the store cannot be written to. What else is wrong with a spec becomes the job's `reason`.
    """
    job = Job(Path(store).resolve() / spec.name)
    if job.state in ("done", "running"):
        return job
    try:
        job.path.mkdir(parents=True, exist_ok=True)
        lock = os.open(job.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise BadInput(f"the store {store} cannot be written to: {error}. Name another one.") from error
    try:
        if _acquired(lock):
            _spawn(spec, job, lock)
    finally:
        os.close(lock)
    return job


def _spawn(spec: RunSpec, job: Job, lock: int) -> None:
    """Starts the process, which inherits the lock: it is the process's own as soon as this one closes it."""
    (job.path / ENDING).unlink(missing_ok=True)
    os.ftruncate(lock, 0)
    plain = json.dumps(spec.changed)
    command = [sys.executable, "-m", "workbench.runs.background", plain, str(job.path.parent), str(job.path)]
    # Held back until the process can hear them: it is still importing for some seconds.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        with job.log.open("w") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[lock],
                start_new_session=True,  # neither Ctrl-C nor the end of the kernel reaches it
            )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.pwrite(lock, str(process.pid).encode(), 0)
    threading.Thread(target=process.wait, daemon=True).start()  # or its number would stay taken


def _acquired(lock: int) -> bool:
    """Takes a lock, which a look at it may hold for a moment; False where another process starts the run."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.01)
    return False


def _is_held(path: Path) -> bool:
    """Whether a process has a file locked."""
    try:
        lock = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
