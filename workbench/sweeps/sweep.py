"""Executes the runs of a grid: which can start, which are in progress, and how they ended."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import BadInput, Failed, Stopped
from workbench.runs.events import EventLog
from workbench.runs.layout import Store
from workbench.runs.run import Run
from workbench.sweeps.executors import Executor, RunExit, SerialExecutor
from workbench.sweeps.grid import Cell
from workbench.sweeps.live_table import LiveTable


@dataclass(frozen=True)
class Failure:
    """A run of a grid that is not complete.

    Attributes:
        cell: the run.
        reason: a sentence.
        resumable: whether it stopped with its progress saved. A run that was killed counts as failed, even
            if the same grid would resume it: what killed it may do so again.
    """

    cell: Cell
    reason: str
    resumable: bool


class Sweep:
    """Executes the cells of a grid. A failure stops only its own run, and those that wait for its steps.

    Complete runs are skipped, and incomplete ones resumed.

    Args:
        cells: the runs, in this order unless one waits for another.
        store: folder of run folders.
        executor: executes the runs; by default this process does, one after another.

    Attributes:
        done: the complete runs, in the order in which they were found or became complete.
        failures: the runs that ended otherwise.
    """

    def __init__(self, cells: Sequence[Cell], store: str | Path = "runs", executor: Executor | None = None):
        self.done: list[Run] = []
        self.failures: list[Failure] = []
        self._cells = cells
        self._waiting = list(cells)
        self._running: dict[str, tuple[Cell, float]] = {}
        self._store = Store(store)
        self._executor = executor or SerialExecutor()
        self._table = LiveTable(live=self._executor.jobs > 1)

    def run(self) -> None:
        """Executes runs until every cell is complete or has failed.

        Raises:
            Stopped: interrupted, or every cell that failed can be resumed.
            Failed: cells failed, at least one of them with bad input or by a defect.
        """
        with self._table:
            try:
                while self._waiting or self._running:
                    self._start_ready_cells()
                    self._table.draw(self._rows())
                    for exit in self._executor.ended():
                        self._take_exit(exit)
            except KeyboardInterrupt:
                self._table.print("stopping")
                self._executor.stop()
                raise Stopped(
                    f"interrupted with {len(self.done)} of {len(self._cells)} runs complete. The progress of "
                    f"the others is kept in {self._store.root}; run the same command to resume."
                ) from None
            except BaseException:
                self._executor.stop()
                raise
        self._raise_failures()

    def _start_ready_cells(self) -> None:
        most = self._executor.jobs
        pending = {cell.name for cell in self._waiting if cell.steps_of is None}
        waiting, self._waiting = self._waiting, []
        for cell in waiting:
            # A run cannot start while the one whose steps it needs is not over yet.
            needed = cell.steps_of.name if cell.steps_of else None
            if len(self._running) >= most or needed in self._running or needed in pending:
                self._waiting.append(cell)
            else:
                pending.discard(cell.name)
                self._start(cell)

    def _start(self, cell: Cell) -> None:
        try:
            spec = cell.resolved(self._steps_of(cell.steps_of)) if cell.steps_of else cell.spec
        except BadInput as error:
            # If the run that it waited for can be resumed, so can this one.
            waited = [f for f in self.failures if cell.steps_of and f.cell.spec == cell.steps_of.spec]
            self._fail(cell, str(error), resumable=any(failure.resumable for failure in waited))
            return
        folder = self._store.run(spec.name)
        if folder.results.exists():
            self._take_complete(cell, folder.root)
        elif spec.name in self._running:
            # With these steps it is equal to another run, which is now in progress.
            self._waiting.append(cell)
        else:
            self._table.print(f"started: {cell.title} ({spec.name})")
            self._running[spec.name] = cell, time.monotonic()
            self._executor.start(spec, self._store.root)

    def _take_complete(self, cell: Cell, folder: Path) -> None:
        """Counts a run that was already complete, if it can be read."""
        try:
            Run(folder).check()
        except BadInput as error:
            self._fail(cell, str(error), resumable=False)
        else:
            self._finish(cell, folder.name, "complete already")

    def _steps_of(self, reference: Cell) -> int:
        folder = self._store.run(reference.spec.name)
        if not folder.results.exists():
            raise BadInput(f"it needs the optimizer steps of {reference.title}, which is not complete")
        return Run(folder.root).optimizer_steps

    def _take_exit(self, exit: RunExit) -> None:
        cell, started = self._running.pop(exit.name)
        if exit.code == 0:
            self._finish(cell, exit.name, f"done in {time.monotonic() - started:.0f} s")
        else:
            self._fail(cell, exit.reason, resumable=exit.code == Stopped.exit_code)

    def _finish(self, cell: Cell, name: str, how: str) -> None:
        self.done.append(Run(self._store.run(name).root))
        self._table.print(f"{how}: {cell.title} ({self._count()})")

    def _fail(self, cell: Cell, reason: str, resumable: bool) -> None:
        self.failures.append(Failure(cell, reason, resumable))
        self._table.print(f"failed: {cell.title}: {reason}")

    def _raise_failures(self) -> None:
        if not self.failures:
            return
        titles: dict[str, list[str]] = {}
        for failure in self.failures:
            titles.setdefault(failure.reason, []).append(failure.cell.title)
        lines = [
            f"\n  {these[0]}: {reason}" if len(these) == 1 else "\n    ".join((f"\n  {reason}", *these))
            for reason, these in titles.items()
        ]
        message = f"{len(self.failures)} of {len(self._cells)} runs are not complete:{''.join(lines)}"
        if all(failure.resumable for failure in self.failures):
            raise Stopped(message)
        raise Failed(message)

    def _count(self) -> str:
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return f"{len(self.done)} of {len(self._cells)} complete{failed}"

    def _rows(self) -> Iterator[str]:
        """The live table: a line for all runs, then one for each run in progress."""
        yield f"{self._count()}, {len(self._running)} running, {len(self._waiting)} waiting"
        for name, (cell, started) in self._running.items():
            event = EventLog(self._store.run(name).events).last()
            place = f"{event['stage']}, step {event['step']}" if event else "preparing"
            yield f"  {(time.monotonic() - started) / 60:6.1f} min  {cell.title}: {place}"
