"""Executors, which execute the runs of a grid, in this process or in others."""

import os
import subprocess
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from workbench.clusters.options import given_options
from workbench.errors import BadInput, WorkbenchError, unknown
from workbench.execution import prune
from workbench.execution.computing import COMPUTE
from workbench.files import write_text
from workbench.plugins import Registry
from workbench.runs.layout import Store
from workbench.runs.spec import RunSpec
from workbench.sweeps.worker_command import command

# An interrupted run has this long to end by itself; its last checkpoint is safe in any case.
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.25
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class RunExit:
    """How a run ended.

    Attributes:
        name: the run's name.
        code: 0 done, 2 bad input, 3 stopped and resumable, anything else a defect or a kill.
        reason: a sentence if it is not done.
    """

    name: str
    code: int
    reason: str = ""


class Executor(Protocol):
    """Executes runs.

    Attributes:
        jobs: number of runs at a time.
        compute: as in `prune`. An executor without this attribute cannot be used with `--compute`.
        yes: as in `prune`. Without this attribute, runs have the default.
    """

    jobs: int
    compute: str
    yes: bool

    def start(self, spec: RunSpec, store: Path) -> None:
        """Starts a run; called only while fewer than `jobs` runs are in progress."""

    def ended(self) -> Sequence[RunExit]:
        """The runs that ended since the last call; waits briefly if none has."""

    def stop(self) -> None:
        """Ends the runs in progress so that they can be resumed."""


class SerialExecutor:
    """One run after another in this process, with all its threads."""

    jobs = 1

    def __init__(self):
        self.compute, self.yes = "auto", False
        self._ended: list[RunExit] = []

    def start(self, spec: RunSpec, store: Path) -> None:
        """Executes the whole run. An interrupt is passed on; any other error ends only this run."""
        try:
            prune(spec, store, compute=self.compute, yes=self.yes)
            exit = RunExit(spec.name, 0)
        except WorkbenchError as error:
            if isinstance(error.__context__, KeyboardInterrupt):  # meant for the whole grid
                raise KeyboardInterrupt from error
            exit = RunExit(spec.name, error.exit_code, str(error))
        except Exception as error:
            log = write_text(Store(store).log(spec.name), traceback.format_exc())
            exit = RunExit(spec.name, 1, f"{type(error).__name__}: {error} (see {log})")
        self._ended.append(exit)

    def ended(self) -> list[RunExit]:
        """The runs that `start` executed."""
        ended, self._ended = self._ended, []
        return ended

    def stop(self) -> None:
        """Does nothing, since no run is in progress between calls."""


class ProcessExecutor:
    """A process for each run, with one torch thread each if several run at a time.

    A run's output goes to `<store>/logs/<run>.log`. A run that dies, for example for lack of memory, does
    not affect the others.

    Args:
        jobs: number of runs at a time.
    """

    def __init__(self, jobs: int):
        self.jobs = jobs
        self.compute, self.yes = "auto", False
        self._processes: dict[str, tuple[subprocess.Popen, Path]] = {}

    def start(self, spec: RunSpec, store: Path) -> None:
        """Starts a process, which ends when its standard input does (`sweeps/worker.py`)."""
        log = write_text(Store(store).log(spec.name), "")
        with log.open("w") as output:
            process = subprocess.Popen(
                command(spec, store, compute=self.compute, yes=self.yes),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=os.environ | (_ONE_THREAD if self.jobs > 1 else {}),
                start_new_session=True,  # Ctrl-C reaches only this process, which then stops the others
            )
        self._processes[spec.name] = process, log

    def ended(self) -> list[RunExit]:
        """The runs whose process has ended; waits a quarter of a second if none has."""
        if self._processes and all(process.poll() is None for process, _ in self._processes.values()):
            time.sleep(_POLL_SECONDS)
        done = [name for name, (process, _) in self._processes.items() if process.poll() is not None]
        return [self._exit(name) for name in done]

    def stop(self) -> None:
        """Closes the standard input of all processes, waits, and kills those that remain after a minute."""
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

    def _exit(self, name: str) -> RunExit:
        process, log = self._processes.pop(name)
        process.stdin.close()
        return run_exit(name, process.returncode, log)


EXECUTORS: Registry[Callable[..., Executor]] = Registry("executor")


def add_executor(name: str, make: Callable[..., Executor]) -> None:
    """Registers an executor.

    Args:
        name: its name for `--executor`.
        make: returns the executor; called with the number of jobs, None by default, and with those cluster
            options of the command that it has parameters for.

    Raises:
        BadInput: the name is taken, or `make` cannot be called.
    """
    if not callable(make):
        raise BadInput(f"executor {name} is {make!r}; give a function of the number of jobs that makes one.")
    EXECUTORS.add(name, make)


def executor(
    kind: str, jobs: int | None = None, compute: str = "auto", yes: bool = False, **options: Any
) -> Executor:
    """Makes an executor.

    Args:
        kind: "serial", "process", "ray", "slurm", or the name of a plugin's executor.
        jobs: number of runs at a time. By default 1, for "process" one for each core, for "ray" as many as
            the cluster has room for, and for "slurm" a thousand.
        compute, yes: as in `prune`.
        options: options of this executor (docs/scaling.md); None for the default.

    Raises:
        BadInput: there is no such executor, way to compute or option, the number of jobs is not possible, a
            plugin's executor lacks a method or the attribute `compute`, or the executor itself rejects an
            option.
    """
    make = EXECUTORS[kind]
    if compute not in COMPUTE:
        raise unknown("compute", compute, COMPUTE)
    if jobs is not None and jobs < 1:
        raise BadInput(f"jobs is {jobs}. Give at least 1, and at most one for each core.")
    made = make(jobs, **given_options(kind, options, EXECUTORS))
    if missing := [name for name in ("jobs", "start", "ended", "stop") if not hasattr(made, name)]:
        raise BadInput(f"executor {kind} lacks {', '.join(missing)}; see docs/extending.md.")
    if compute != "auto":
        if not hasattr(made, "compute"):
            raise BadInput(f"executor {kind} has no attribute compute; leave --compute out.")
        made.compute = compute
    if hasattr(made, "yes"):
        made.yes = yes
    return made


def _serial(jobs: int | None) -> SerialExecutor:
    if jobs not in (None, 1):
        raise BadInput(f"{jobs} jobs need the executor process; serial is one run after another.")
    return SerialExecutor()


add_executor("serial", _serial)
add_executor("process", lambda jobs: ProcessExecutor(jobs or os.cpu_count() or 1))


def run_exit(name: str, code: int | None, log: Path, reason: str = "") -> RunExit:
    """How a run in a process of its own ended.

    Args:
        name: the run's name.
        code: exit code of the process, negative for the signal that killed it; None if it is not known.
        log: the output, whose last line is the reason if none is given.
        reason: the reason if it is known otherwise.
    """
    if code == 0:
        return RunExit(name, 0)
    if code is None or code < 0:
        reason = reason or f"killed by signal {-code}, perhaps for lack of memory"
        return RunExit(name, 1, f"{reason} (see {log})")
    if reason:
        return RunExit(name, code, reason)
    last_line = log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
    return RunExit(name, code, last_line if code in (2, 3) else f"{last_line} (see {log})")
