"""Where the runs of a grid are carried out: in this process, or in several of their own."""

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from workbench.errors import BadInput, WorkbenchError
from workbench.files import write_text
from workbench.runs.launch import prune
from workbench.runs.spec import RunSpec

# What is interrupted gets this long to end by itself; its last checkpoint is safe in any case.
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.25
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    Attributes:
        name: the run's.
        exit_code: 0 done, 2 bad input, 3 stopped and resumable, anything else a defect or a kill.
        reason: one sentence where it is not done.
    """

    name: str
    exit_code: int
    reason: str = ""


class Executor(Protocol):
    """Carries out runs, `jobs` at a time."""

    jobs: int

    def start(self, spec: RunSpec, store: Path) -> None:
        """Begins a run; called only while fewer than `jobs` are under way."""

    def ended(self) -> Sequence[Ending]:
        """The runs that ended since the last call, after a short wait where there is none."""

    def stop(self) -> None:
        """Ends whatever is under way so that it can be gone on with."""


class SerialExecutor:
    """One run after another in this process, with all its threads."""

    jobs = 1

    def __init__(self):
        self._ended: list[Ending] = []

    def start(self, spec: RunSpec, store: Path) -> None:
        """Carries the run out before it returns; an interrupt goes through, any other error ends the run."""
        try:
            prune(spec, store)
            ending = Ending(spec.name, 0)
        except WorkbenchError as error:
            if isinstance(error.__context__, KeyboardInterrupt):  # the user means the whole grid
                raise KeyboardInterrupt from error
            ending = Ending(spec.name, error.exit_code, str(error))
        except Exception as error:
            log = write_text(log_path(store, spec), traceback.format_exc())
            ending = Ending(spec.name, 1, f"{type(error).__name__}: {error} (see {log})")
        self._ended.append(ending)

    def ended(self) -> list[Ending]:
        """What `start` carried out."""
        ended, self._ended = self._ended, []
        return ended

    def stop(self) -> None:
        """Nothing is under way between calls."""


class ProcessExecutor:
    """A process for each run, with one torch thread each where there are several at a time.

    What a run says goes to `<store>/logs/<run>.log`. A run that dies, for lack of memory say, takes no
    other one with it.

    Args:
        jobs: how many at a time.
    """

    def __init__(self, jobs: int):
        self.jobs = jobs
        self._processes: dict[str, tuple[subprocess.Popen, Path]] = {}

    def start(self, spec: RunSpec, store: Path) -> None:
        """Starts a process; it ends when its standard input does (`runs/worker.py`)."""
        log = write_text(log_path(store, spec), "")
        plain = json.dumps(spec.changed)
        command = [sys.executable, "-m", "workbench.runs", plain, str(store)]
        with log.open("w") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=os.environ | (_ONE_THREAD if self.jobs > 1 else {}),
                start_new_session=True,  # Ctrl-C reaches this process alone, which then stops the others
            )
        self._processes[spec.name] = process, log

    def ended(self) -> list[Ending]:
        """Looks at all processes, after a quarter of a second where none has ended."""
        if self._processes and all(process.poll() is None for process, _ in self._processes.values()):
            time.sleep(_POLL_SECONDS)
        done = [name for name, (process, _) in self._processes.items() if process.poll() is not None]
        return [_ending(name, *self._processes.pop(name)) for name in done]

    def stop(self) -> None:
        """Closes the standard input of all, waits, and kills what has not ended after a minute."""
        processes = [process for process, _ in self._processes.values()]
        self._processes.clear()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        try:
            for process in processes:
                process.stdin.close()
            for process in processes:
                process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except (KeyboardInterrupt, subprocess.TimeoutExpired):
            for process in processes:
                process.kill()
                process.wait()


def executor(kind: Literal["serial", "process"], jobs: int | None = None) -> Executor:
    """The executor of a kind.

    Args:
        kind: "serial" or "process".
        jobs: runs at a time; None for 1, or for "process" one for each core.

    Raises:
        BadInput: fewer than one job, or several for "serial".
    """
    if jobs is not None and jobs < 1:
        raise BadInput(f"{jobs} jobs carry out nothing; give at least 1, and at most one for each core.")
    if kind == "process":
        return ProcessExecutor(jobs or os.cpu_count() or 1)
    if jobs not in (None, 1):
        raise BadInput(f"{jobs} jobs need the executor process; serial is one run after another.")
    return SerialExecutor()


def log_path(store: Path, spec: RunSpec) -> Path:
    """Where a run of a grid leaves what it says, and the traceback of a defect."""
    return store / "logs" / f"{spec.name}.log"


def _ending(name: str, process: subprocess.Popen, log: Path) -> Ending:
    process.stdin.close()
    code = process.returncode
    if code == 0:
        return Ending(name, 0)
    if code < 0:
        return Ending(name, 1, f"killed by signal {-code}, perhaps for lack of memory (see {log})")
    words = log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
    return Ending(name, code, words if code in (2, 3) else f"{words} (see {log})")
