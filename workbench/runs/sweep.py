"""Carrying out the runs of a grid: what can start, what is under way, and how it all ended."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import BadInput, Failed, Stopped
from workbench.runs.board import Board
from workbench.runs.events import EventLog
from workbench.runs.executors import Ending, Executor, SerialExecutor
from workbench.runs.grid import Cell
from workbench.runs.run import Run


@dataclass(frozen=True)
class Failure:
    """A run of a grid that is not complete.

    Attributes:
        cell: which one.
        reason: a sentence.
        resumable: whether the same grid, carried out again, goes on with it.
    """

    cell: Cell
    reason: str
    resumable: bool


class Sweep:
    """Carries out the cells of a grid. A failure stops its own run, and those that wait for its steps.

    Complete runs are left as they are, and incomplete ones gone on with.

    Args:
        cells: what to do, in this order as far as none waits for another.
        store: folder of run folders.
        executor: where; in this process if it is None.

    Attributes:
        done: the complete runs, in the order in which they were found so or became so.
        failures: the others that are over.
    """

    def __init__(self, cells: Sequence[Cell], store: str | Path = "runs", executor: Executor | None = None):
        self.done: list[Run] = []
        self.failures: list[Failure] = []
        self._cells = cells
        self._waiting = list(cells)
        self._running: dict[str, tuple[Cell, float]] = {}
        self._store = Path(store)
        self._executor = executor or SerialExecutor()
        self._board = Board(live=self._executor.jobs > 1)

    def run(self) -> None:
        """Works until every cell is complete or has failed.

        Raises:
            Stopped: interrupted, or cells failed that all can be gone on with.
            Failed: cells failed, one at least with bad input or by a defect.
        """
        try:
            while self._waiting or self._running:
                self._start_what_can()
                self._board.draw(self._rows())
                for ending in self._executor.ended():
                    self._note(ending)
        except KeyboardInterrupt:
            self._board.say("stopping")
            self._executor.stop()
            raise Stopped(
                f"interrupted with {len(self.done)} of {len(self._cells)} runs complete. What was done of "
                f"others is kept in {self._store}; run the same command to go on."
            ) from None
        finally:
            self._board.draw([])
        self._raise_failures()

    def _start_what_can(self) -> None:
        for cell in list(self._waiting):
            if len(self._running) == self._executor.jobs:
                return
            if self._must_wait(cell):
                continue
            self._waiting.remove(cell)
            self._start(cell)

    def _must_wait(self, cell: Cell) -> bool:
        """Whether the run whose steps it needs is still to come."""
        if cell.steps_of is None:
            return False
        name = cell.steps_of.spec.name
        coming = {other.spec.name for other in self._waiting if other.steps_of is None}
        return name in self._running or name in coming

    def _start(self, cell: Cell) -> None:
        try:
            spec = cell.settled(self._steps_of(cell.steps_of)) if cell.steps_of else cell.spec
        except BadInput as error:
            # Once the run that it waited for has been gone on with, so can this one be.
            waited = [f for f in self.failures if cell.steps_of and f.cell.spec == cell.steps_of.spec]
            self._fail(cell, str(error), resumable=any(failure.resumable for failure in waited))
            return
        if (self._store / spec.name / "results.json").exists():
            self._take(cell, self._store / spec.name)
        elif spec.name in self._running:
            # By the steps it was given it came out equal to another, which is now under way.
            self._waiting.append(cell)
        else:
            self._board.say(f"started: {cell.title} ({spec.name})")
            self._running[spec.name] = cell, time.monotonic()
            self._executor.start(spec, self._store)

    def _take(self, cell: Cell, folder: Path) -> None:
        """Counts a run that was complete before, if it can be read."""
        try:
            _ = Run(folder).results
        except BadInput as error:
            self._fail(cell, str(error), resumable=False)
        else:
            self._finish(cell, folder.name, "is complete already")

    def _steps_of(self, reference: Cell) -> int:
        folder = self._store / reference.spec.name
        if not (folder / "results.json").exists():
            raise BadInput(f"it needs the optimizer steps of {reference.title}, which is not complete")
        return Run(folder).optimizer_steps

    def _note(self, ending: Ending) -> None:
        cell, started = self._running.pop(ending.name)
        if ending.exit_code == 0:
            self._finish(cell, ending.name, f"done in {time.monotonic() - started:.0f} s")
        else:
            self._fail(cell, ending.reason, resumable=ending.exit_code == Stopped.exit_code)

    def _finish(self, cell: Cell, name: str, how: str) -> None:
        self.done.append(Run(self._store / name))
        self._board.say(f"{how}: {cell.title} ({self._count()})")

    def _fail(self, cell: Cell, reason: str, resumable: bool) -> None:
        self.failures.append(Failure(cell, reason, resumable))
        self._board.say(f"failed: {cell.title}: {reason}")

    def _raise_failures(self) -> None:
        if not self.failures:
            return
        lines = [f"\n  {failure.cell.title}: {failure.reason}" for failure in self.failures]
        message = f"{len(lines)} of {len(self._cells)} runs are not complete:{''.join(lines)}"
        if all(failure.resumable for failure in self.failures):
            raise Stopped(message)
        raise Failed(message)

    def _count(self) -> str:
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return f"{len(self.done)} of {len(self._cells)} complete{failed}"

    def _rows(self) -> list[str]:
        """The live table: a line for all, then one for each run that is under way."""
        rows = [f"{self._count()}, {len(self._running)} under way, {len(self._waiting)} waiting"]
        for name, (cell, started) in self._running.items():
            event = EventLog(self._store / name / "events.jsonl").last()
            place = f"{event['stage']}, step {event['step']}" if event else "preparing"
            rows.append(f"  {(time.monotonic() - started) / 60:6.1f} min  {cell.title}: {place}")
        return rows
