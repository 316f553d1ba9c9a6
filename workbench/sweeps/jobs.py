"""Background runs, each in its own process, which outlives the notebook that started it.

Everything about a job is in the run folder, so any process can watch it: `.job` has the process id and start
time, `job.log` the output, and `job.json` how it ended. The system reuses process ids; with its start time an
id is unique.
"""

import json
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Literal

import psutil
from filelock import Timeout

from workbench.errors import BadInput
from workbench.files import read_json, write_json
from workbench.locks import file_lock
from workbench.runs.layout import RunFolder, Store
from workbench.runs.spec import RunSpec
from workbench.sweeps.worker_command import STOPPING, command

_PATIENCE_SECONDS = 2.0

JobState = Literal["not started", "running", "stopped", "failed", "done"]


class Job:
    """A run as a process, seen from outside.

    Args:
        path: the run folder; it need not exist yet.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._folder = RunFolder(path)

    @property
    def log(self) -> Path:
        """The output of the process since it was last started."""
        return self._folder.job_log

    @property
    def state(self) -> JobState:
        """The state of the run. One that "stopped" or "failed" can be started again."""
        if self._process() or _is_locked(self._folder.lock):
            return "running"
        # Only now: results and ending are written before the process ends.
        if self._folder.results.exists():
            return "done"
        if self._folder.job.exists():
            return "stopped" if self._exit_code() == 3 else "failed"
        return "stopped" if self._folder.spec.exists() else "not started"

    @property
    def reason(self) -> str:
        """Why the run stopped or failed, in a sentence or two; otherwise empty."""
        state = self.state
        if state not in ("stopped", "failed"):
            return ""
        code = self._exit_code()
        if code is None and state == "failed":
            return (
                "The process was killed, perhaps for lack of memory. What was done is kept; start it again "
                "to resume."
            )
        if code is None:
            return "The run is not complete; start it to resume."
        last_line = self.log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
        return last_line if code in (2, 3) else f"{last_line} (see {self.log})"

    def stop(self) -> None:
        """Asks the process to stop, which it does within a training step or an evaluation; it can be resumed.

        Raises:
            BadInput: the run was started elsewhere, so its process is not known, or belongs to another user.
        """
        process = self._process()
        if process is None:
            if _is_locked(self._folder.lock):
                raise BadInput(
                    f"run {self.path.name} was started elsewhere, perhaps in a shell. Stop it there, with "
                    "Ctrl-C."
                )
            return
        try:
            process.send_signal(signal.SIGINT)
        except psutil.NoSuchProcess:
            pass
        except psutil.AccessDenied:
            raise BadInput(f"run {self.path.name} belongs to another user, who alone can stop it.") from None

    def wait(self, seconds: float = float("inf")) -> JobState:
        """Waits until the run is no longer in progress, or for a time; returns its state."""
        deadline = time.monotonic() + seconds
        while (state := self.state) == "running" and time.monotonic() < deadline:
            time.sleep(0.05)
        return state

    def _process(self) -> psutil.Process | None:
        """The process, if it is alive."""
        try:
            plain = json.loads(self._folder.job.read_text())
            process = psutil.Process(plain["pid"])
            same = process.create_time() == plain["created"]
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (OSError, ValueError, TypeError, KeyError, psutil.NoSuchProcess):
            return None

    def _exit_code(self) -> int | None:
        """The exit code of the last process; None if it ended without writing one."""
        path = self._folder.job_ending
        return read_json(path)["exit_code"] if path.exists() else None

    def __repr__(self) -> str:
        return f"Job({str(self.path)!r}, {self.state})"


def start(
    spec: RunSpec, store: str | Path = "runs", *, compute: str = "auto", jobs: int = 1, yes: bool = False
) -> Job:
    """Starts or resumes a run in its own process, and returns at once.

    Does nothing if the run is complete or in progress, whoever started it.

    Args:
        spec, store, compute, jobs, yes: as in `prune`.

    Raises:
        BadInput: the store cannot be written to. Other errors become the job's `reason`.
    """
    folder = Store(Path(store).resolve()).run(spec.name)
    job = Job(folder.root)
    if job.state in ("done", "running"):
        return job
    try:
        folder.root.mkdir(parents=True, exist_ok=True)
        # Of two processes that start the same run at once, the second finds it running.
        with file_lock(folder.job_lock, timeout=_PATIENCE_SECONDS):
            if job.state not in ("done", "running"):
                how = {"compute": compute, "jobs": jobs, "yes": yes}
                _spawn(folder, command(spec, folder.root.parent, background=True, **how))
    except Timeout:
        pass
    except OSError as error:
        raise BadInput(f"the store {store} cannot be written to: {error}. Name another one.") from error
    return job


def _spawn(folder: RunFolder, command: list[str]) -> None:
    # The process first: without its ending it would seem to have been killed.
    folder.job.unlink(missing_ok=True)
    folder.job_ending.unlink(missing_ok=True)
    # Blocked until the process can handle them: it is still importing for some seconds.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        with folder.job_log.open("w") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # neither Ctrl-C nor the end of the kernel reaches it
            )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    write_json(folder.job, {"pid": process.pid, "created": psutil.Process(process.pid).create_time()})
    threading.Thread(target=process.wait, daemon=True).start()  # collects the exit code, or a zombie stays


def _is_locked(path: Path) -> bool:
    """Whether a process holds a lock; checking holds it for a moment."""
    if not path.exists():
        return False
    try:
        with file_lock(path, timeout=0):
            return False
    except Timeout:
        return True
    except (BadInput, OSError):  # another user's folder, or a file system, where locks cannot be taken
        return False
