"""Trains candidates and particles in parallel: a pool hands assignments to workers, and again if one dies."""

import sys
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from filelock import Timeout

from workbench.errors import BadInput, Failed, Stopped, WorkbenchError
from workbench.execution.workers import Answer, Workers
from workbench.files import appears
from workbench.locks import file_lock
from workbench.runs.layout import RunFolder
from workbench.training import progress_bar

# A process whose parent was killed ends within a training step or an evaluation.
_ORPHAN_SECONDS = 120.0
_ERRORS: dict[int, type[WorkbenchError]] = {error.exit_code: error for error in (BadInput, Failed, Stopped)}


class StagePool:
    """The workers of one run, started when they are first needed.

    Args:
        workers: starts them; they work for no other pool at the same time.
        folder: the run.
        size: the largest number of workers at a time.
        threads: torch threads of each worker.
    """

    def __init__(self, workers: Workers, folder: RunFolder, size: int, threads: int):
        self._workers = workers
        self._folder = folder
        self._size = size
        self._threads = threads
        self._numbers = count()
        self._alive: set[int] = set()
        self._busy: dict[int, int] = {}

    def carry_out(self, assignments: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Returns the records of assignments, in order. A worker that dies is replaced.

        Raises:
            WorkbenchError: raised by a worker; the others have been stopped and can be resumed.
            Stopped: workers died repeatedly on the same assignment, or before they had one.
        """
        records: list[dict[str, Any] | None] = [None] * len(assignments)
        waiting, deaths = deque(range(len(assignments))), Counter()
        try:
            with progress_bar("side by side", len(assignments), unit="stage") as bar:
                while missing := records.count(None):
                    self._start(min(self._size, missing))
                    self._give(waiting, assignments)
                    for answer in self._workers.wait():
                        index = self._busy.pop(answer.worker, None)
                        stage = None if index is None else assignments[index]["stage"]
                        if answer.value is not None:
                            records[index] = self._record(answer.value, stage)
                            deaths[None] = 0
                            bar.update()
                            continue
                        deaths[index] += 1
                        self._lose(answer, stage, deaths[index])
                        if index is not None:
                            waiting.appendleft(index)
        except BaseException:
            self.close()
            raise
        return records

    def close(self) -> None:
        """Ends all workers so that their stages can be resumed."""
        self._alive.clear()
        self._busy.clear()
        self._workers.end()

    def _start(self, size: int) -> None:
        """Starts workers until there are so many."""
        while len(self._alive) < size:
            # Never a number twice, so that the lock of one that died shows whether its process has ended.
            number = next(self._numbers)
            self._alive.add(number)
            self._workers.start(self._folder, number, self._threads)

    def _give(self, waiting: deque[int], assignments: Sequence[Mapping[str, Any]]) -> None:
        """Hands out assignments while a worker is idle."""
        for number in self._workers.idle():
            if not waiting:
                return
            self._busy[number] = waiting.popleft()
            self._workers.give(number, assignments[self._busy[number]])

    def _lose(self, answer: Answer, stage: str | None, deaths: int) -> None:
        """Takes note of a death, and waits until nothing of the worker is left.

        Raises:
            Stopped: there were too many deaths, or the worker's process is still running.
        """
        self._alive.discard(answer.worker)
        who = f"the process that trained stage {stage}" if stage else "a process without a stage"
        resume = f"What was done is kept in {self._folder.root}; run the same command"
        if deaths > self._workers.retries:
            others = f", as did {deaths - 1} before it" if deaths > 1 else ""
            raise Stopped(
                f"{who} {answer.death}{others}, perhaps for lack of memory. {resume} with fewer --jobs to "
                "resume."
            )
        try:
            with file_lock(self._folder.worker_lock(answer.worker), timeout=_ORPHAN_SECONDS):
                pass
        except Timeout:
            raise Stopped(f"{who} is lost but has not ended. {resume} later to resume.") from None
        print(f"{who} {answer.death}; another one takes its place", file=sys.stderr, flush=True)

    def _record(self, answer: Mapping[str, Any], stage: str | None) -> dict[str, Any]:
        """The record in an answer.

        Raises:
            WorkbenchError: raised by the worker.
            RuntimeError: a defect, with the worker's traceback.
            Stopped: this machine does not see what another one has written.
        """
        if "record" not in answer:
            if answer["exit_code"] is None:
                raise RuntimeError(f"stage {stage} failed in its process:\n{answer['message']}")
            raise _ERRORS[answer["exit_code"]](answer["message"])
        paths = self._folder.stage(stage)
        if not appears(paths.done, paths.checkpoint):
            raise Stopped(
                f"stage {stage} is trained, but {paths.folder} does not show it here. Put the store on a "
                "file system that all nodes share, then run the same command to resume."
            )
        return answer["record"]
