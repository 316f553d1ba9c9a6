"""Which run, or which runs, a report is about."""

from collections.abc import Sequence
from pathlib import Path

from workbench.analysis import newest_complete
from workbench.errors import BadInput
from workbench.runs import Run, find_runs, runs_in

HOW_TO_MAKE_ONE = "`workbench prune synth/sst2 --engine magnitude` makes one"


def chosen_run(runs: Sequence[Run], store: str | Path) -> Run:
    """The one run that is named, or the newest complete one of a store.

    Raises:
        BadInput: more than one is named, there is none, or it is not complete or cannot be read.
    """
    if len(runs) > 1:
        raise BadInput(
            f"{len(runs)} runs are named ({', '.join(run.name for run in runs)}) and a report shows one. "
            "Name one of them, and render the others into files of their own with --out."
        )
    run = runs[0] if runs else newest_complete(store)
    if run is None:
        raise BadInput(f"no complete run in {store}; {HOW_TO_MAKE_ONE}, or name another --store.")
    return _checked(run)


def chosen_runs(runs: Sequence[Run], store: str | Path) -> list[Run]:
    """The runs that are named, each once, or all complete ones of a store.

    Raises:
        BadInput: there is none, or one is not complete or cannot be read.
    """
    found = {run.name: run for run in runs or _complete(store)}
    if not found:
        raise BadInput(f"no complete run in {store}; {HOW_TO_MAKE_ONE}, or name another --store.")
    return [_checked(run) for run in found.values()]


def open_runs(folders: str) -> list[Run]:
    """What the notebook of a comparison is about.

    Args:
        folders: complete runs, or stores of which all complete runs are meant, one a line; where it is
            empty, the store `runs` or `../runs`.

    Returns:
        The runs. Where no folder is named and there is no run, none, after a word on how to make one.

    Raises:
        BadInput: a run is not complete or cannot be read, or a folder is no run and holds none.
    """
    if folders.strip():
        return chosen_runs([run for folder in folders.splitlines() for run in find_runs(folder, ".")], ".")
    found = next((runs for runs in map(_complete, ("runs", "../runs")) if runs), [])
    if not found:
        print(f"There is no complete run in `runs` yet; {HOW_TO_MAKE_ONE}.")
    return [_checked(run) for run in found]


def open_run(folder: str, level: int) -> tuple[Run | None, int]:
    """What a report's notebook is about.

    Args:
        folder: a complete run; where it is empty, the newest of the stores `runs` and `../runs`.
        level: counted from 1, or 0 for the last.

    Returns:
        The run and the level. Where no run is named and there is none, None, after a word on how to make one.

    Raises:
        BadInput: the run is not complete or cannot be read, or has no such level.
    """
    found = [run for run in map(newest_complete, ("runs", "../runs")) if run]
    if not folder and not found:
        print(f"There is no complete run in `runs` yet; {HOW_TO_MAKE_ONE}.")
        return None, level
    run = _checked(Run(folder) if folder else found[0])
    levels = len(run.results["levels"])
    if not 0 <= level <= levels:
        raise BadInput(f"level {level}: run {run.name} has levels 1 to {levels}; 0 means the last.")
    return run, level or levels


def _complete(store: str | Path) -> list[Run]:
    return [run for run in runs_in(store) if run.done]


def _checked(run: Run) -> Run:
    """The run, once its spec and its results have been read without an error."""
    _ = run.spec, run.results
    return run
