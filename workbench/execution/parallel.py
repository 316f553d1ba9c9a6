"""Trains candidates and particles in parallel: processes take assignments and return records.

An assignment names stages and files of the run folder and holds no object of this process, so a worker needs
only the store.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from threading import Thread
from typing import IO, Any

from workbench.errors import BadInput, Failed, Stopped, WorkbenchError
from workbench.runs.layout import RunFolder
from workbench.training import progress_bar

# A worker has this long to end by itself; its last checkpoint is safe in any case.
_PATIENCE_SECONDS = 60.0
# An interrupt that is not a signal (`_thread.interrupt_main`) is only noticed between waits.
_POLL_SECONDS = 0.25
_MOST_STARTS = 3
_ERRORS: dict[int, type[WorkbenchError]] = {error.exit_code: error for error in (BadInput, Failed, Stopped)}


class StagePool:
    """Worker processes of one run (`stage_worker.py`), started when they are first needed.

    Args:
        folder: the run.
        size: the largest number of processes at a time.
        threads: torch threads of each process.
    """

    def __init__(self, folder: RunFolder, size: int, threads: int):
        self._folder = folder
        self._size = size
        self._threads = threads
        self._workers: dict[int, _Worker] = {}

    def carry_out(self, assignments: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Returns the records of assignments, in order. A worker that dies is replaced.

        Raises:
            WorkbenchError: raised by a worker; the others have been stopped and can be resumed.
            Stopped: workers died repeatedly on the same assignment.
        """
        records: list[dict[str, Any] | None] = [None] * len(assignments)
        waiting, starts = deque(range(len(assignments))), Counter()
        try:
            with progress_bar("side by side", len(assignments), unit="stage") as bar:
                while None in records:
                    self._give(waiting, assignments, starts)
                    for number in self._ready():
                        index, answer = self._workers[number].answer()
                        if answer is None:
                            self._lose(number, assignments[index]["stage"], starts[index])
                            waiting.appendleft(index)
                        else:
                            records[index] = _record(answer, assignments[index]["stage"])
                            bar.update()
        except BaseException:
            self.close()
            raise
        return records

    def close(self) -> None:
        """Ends all workers so that their stages can be resumed; after a minute, kills the others."""
        workers = list(self._workers.values())
        self._workers.clear()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        try:
            for worker in workers:
                worker.stop()
            for worker in workers:
                worker.process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except (KeyboardInterrupt, subprocess.TimeoutExpired):
            for worker in workers:
                worker.process.kill()
        for worker in workers:
            worker.discard()

    def _give(
        self, waiting: deque[int], assignments: Sequence[Mapping[str, Any]], starts: Counter[int]
    ) -> None:
        """Hands out assignments as long as a worker is idle or can be started."""
        for number in range(min(self._size, len(assignments))):
            if not waiting:
                return
            worker = self._workers.get(number)
            if worker is None:
                worker = self._workers[number] = _Worker(self._folder, number, self._threads)
            if worker.index is None:
                index = waiting.popleft()
                starts[index] += 1
                worker.give(index, assignments[index])

    def _ready(self) -> list[int]:
        """The workers that have answered or died; waits briefly if none has."""
        busy = {w.process.stdout: number for number, w in self._workers.items() if w.index is not None}
        return [busy[stream] for stream in wait(list(busy), timeout=_POLL_SECONDS)]

    def _lose(self, number: int, stage: str, starts: int) -> None:
        worker = self._workers.pop(number)
        code = worker.process.wait()
        worker.discard()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if starts == _MOST_STARTS:
            raise Stopped(
                f"the process that trained stage {stage} {how}, as did {starts - 1} before it, perhaps for "
                f"lack of memory. What was done is kept in {self._folder.root}; run the same command with "
                "fewer --jobs to resume."
            )
        print(f"{stage}: its process {how}; another one resumes it", file=sys.stderr, flush=True)


class _Worker:
    """A worker process.

    Attributes:
        process: the process.
        index: the assignment that it works on; None while it is idle.
    """

    def __init__(self, folder: RunFolder, number: int, threads: int):
        self.index: int | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workbench.execution.stage_worker", str(folder.root), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,  # no terminal, hence no progress bar
            env=os.environ | dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads)),
            start_new_session=True,  # Ctrl-C reaches only this process, which then stops the others
        )
        Thread(target=_relay, args=(self.process.stderr,), daemon=True).start()

    def give(self, index: int, assignment: Mapping[str, Any]) -> None:
        """Gives it an assignment; a dead process is noticed when its answer is due."""
        self.index = index
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(assignment).encode() + b"\n")
            self.process.stdin.flush()

    def answer(self) -> tuple[int, dict[str, Any] | None]:
        """Returns the assignment that it worked on, and its answer; None if it died."""
        line = self.process.stdout.readline()
        index, self.index = self.index, None
        return index, json.loads(line) if line.endswith(b"\n") else None

    def stop(self) -> None:
        """Closes its input, which is a request to stop."""
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def discard(self) -> None:
        """Closes the pipes of a process that has ended or been killed."""
        self.stop()
        self.process.wait()
        self.process.stdout.close()


def _record(answer: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """The record in an answer.

    Raises:
        WorkbenchError: raised by the worker.
        RuntimeError: a defect, with the worker's traceback.
    """
    if "record" in answer:
        return answer["record"]
    if answer["exit_code"] is None:
        raise RuntimeError(f"stage {stage} failed in its process:\n{answer['message']}")
    raise _ERRORS[answer["exit_code"]](answer["message"])


def _relay(stream: IO[bytes]) -> None:
    """Prints the output of a worker, whole lines at a time."""
    with stream:
        for line in stream:
            sys.stderr.write(line.decode(errors="replace"))
            sys.stderr.flush()
