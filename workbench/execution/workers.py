"""Workers: they train the candidates of a race, or the particles of a level, for the process that runs it.

A worker is given assignments (`assignment.py`), which name stages and files of the run folder and hold no
object of this process, so that it needs nothing but the store. `ProcessWorkers` are processes of this
machine; `ray_workers.RayWorkers` are actors on a Ray cluster.
"""

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, Protocol

from torch import nn

from workbench.clusters.request import thread_variables
from workbench.execution.capacity import check_memory, trains_in_parallel
from workbench.execution.stage_process import PATIENCE_SECONDS, StageProcess
from workbench.runs.layout import RunFolder
from workbench.training.data import TaskData

# An interrupt that is not a signal (`_thread.interrupt_main`) is only noticed between waits.
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Answer:
    """The answer of a worker, or its death.

    Attributes:
        worker: the number of the worker.
        value: the answer of `stage_worker.py`; None if the worker died.
        death: how it died, as the end of a sentence; otherwise empty.
    """

    worker: int
    value: Mapping[str, Any] | None
    death: str = ""


class Workers(Protocol):
    """Starts workers for one run at a time, and passes assignments and answers on.

    Attributes:
        threads: torch threads of each worker, and of a run that is started with them.
        retries: how often an assignment is handed out again after its worker died.
    """

    threads: int
    retries: int

    def settle(self, jobs: int | None, widest: int, batch_size: int, data: TaskData, model: nn.Module) -> int:
        """The number of workers that a run uses at a time; 0 if it trains everything in its own process.

        Args:
            jobs: the requested number, at least 1; None for the default of these workers.
            widest: the largest number of stages of the run that do not depend on each other.
            batch_size: examples in a step.
            data: the task.
            model: the student.

        Raises:
            BadInput: they cannot work here; nothing has been started.
        """

    def start(self, folder: RunFolder, number: int, threads: int) -> None:
        """Starts a worker, which becomes idle now or later.

        Args:
            folder: the run.
            number: one that no other worker had before.
            threads: number of torch threads.
        """

    def idle(self) -> list[int]:
        """The workers that can be given an assignment now."""

    def give(self, number: int, assignment: Mapping[str, Any]) -> None:
        """Hands an assignment to an idle worker."""

    def wait(self) -> list[Answer]:
        """Answers and deaths since the last call; waits briefly if there is none.

        A worker that died, or that answered with an error, is no longer known.
        """

    def end(self) -> None:
        """Ends all workers so that their stages can be resumed; after a minute, kills the others."""


class ProcessWorkers:
    """Processes of this machine, with one thread each."""

    threads = 1
    retries = 2

    def __init__(self):
        self._processes: dict[int, StageProcess] = {}
        self._busy: set[int] = set()

    def settle(self, jobs: int | None, widest: int, batch_size: int, data: TaskData, model: nn.Module) -> int:
        """See `Workers.settle`; by default one job, which is this process."""
        if jobs in (None, 1) or not trains_in_parallel(widest, f"jobs={jobs}"):
            return 0
        check_memory(min(jobs, widest), batch_size, data, model)
        return min(jobs, widest)

    def start(self, folder: RunFolder, number: int, threads: int) -> None:
        """Starts a process."""
        variables = thread_variables(threads)
        self._processes[number] = StageProcess(str(folder.root), number, variables, _print)

    def idle(self) -> list[int]:
        """All that have no assignment, also those that are still being loaded."""
        return [number for number in self._processes if number not in self._busy]

    def give(self, number: int, assignment: Mapping[str, Any]) -> None:
        """Hands an assignment to an idle process."""
        self._busy.add(number)
        self._processes[number].give(assignment)

    def wait(self) -> list[Answer]:
        """The processes that have answered or died."""
        streams = {self._processes[number].answers: number for number in self._busy}
        return [self._answer(streams[stream]) for stream in wait(list(streams), timeout=_POLL_SECONDS)]

    def end(self) -> None:
        """Asks all processes to end."""
        processes = list(self._processes.values())
        self._processes.clear()
        self._busy.clear()
        deadline = time.monotonic() + PATIENCE_SECONDS
        try:
            for process in processes:
                process.stop()
            for process in processes:
                process.wait(deadline - time.monotonic())
        except (KeyboardInterrupt, subprocess.TimeoutExpired):
            pass
        for process in processes:
            process.discard()

    def _answer(self, number: int) -> Answer:
        self._busy.discard(number)
        value, death = self._processes[number].answer()
        if death:
            self._processes.pop(number).discard()
        return Answer(number, value, death)


def _print(line: str) -> None:
    sys.stderr.write(line)
    sys.stderr.flush()
