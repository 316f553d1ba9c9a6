"""The complete runs of a grid file in a store, with the names of their entries."""

from pathlib import Path

from workbench import Run, read_grid, runs_in
from workbench.sweeps.grid import Cell


def grid_runs(grid: str | Path, store: str | Path) -> tuple[list[Run], dict[str, str], int]:
    """The complete runs of a grid, those included whose steps match another run's.

    Returns:
        the runs; the entry of each, by the run's name; and how many runs the grid has.
    """
    cells, complete = read_grid(grid), {run.name: run for run in runs_in(store) if run.done}
    entries = {name: cell.label for cell in cells if (name := _name(cell, complete)) in complete}
    return [complete[name] for name in entries], entries, len(cells)


def _name(cell: Cell, complete: dict[str, Run]) -> str:
    """The name of a cell's run; empty while the run that it takes its steps from is not complete."""
    if cell.steps_of is None:
        return cell.spec.name
    reference = complete.get(cell.steps_of.spec.name)
    return cell.resolved(reference.optimizer_steps).name if reference else ""
