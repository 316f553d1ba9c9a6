"""The run, or the runs, that a report is about: found, checked, and reported if they are missing."""

from collections.abc import Sequence
from pathlib import Path

from workbench.errors import BadInput
from workbench.process import without_collections
from workbench.reports import blocks
from workbench.runs import (
    COMPLETE,
    Run,
    Store,
    default_store,
    is_run,
    newest_complete,
    runs_in,
    status,
)

HOW_TO_MAKE_ONE = "`workbench prune synth/sst2 --engine magnitude` makes one"
# At most so many of the runs that are left out are named.
_MOST_NAMED = 3


def chosen_run(runs: Sequence[Run], store: str | Path) -> Run:
    """The run that is named, or the newest complete one of a store.

    Raises:
        BadInput: more than one run is named, there is none, or it is not complete or cannot be read.
    """
    if len(runs) > 1:
        raise BadInput(
            f"{len(runs)} runs are named ({', '.join(run.name for run in runs)}) and this report shows one. "
            "Name one of them, and render the others into separate files with --out."
        )
    run = runs[0] if runs else newest_complete(store)
    if run is None:
        raise BadInput(f"there is no complete run in {store}; {HOW_TO_MAKE_ONE}. Or name another --store.")
    return run.check()


def chosen_runs(runs: Sequence[Run], store: str | Path) -> list[Path]:
    """The folders of the runs that are named, each once, or of all complete ones of a store.

    Raises:
        BadInput: there are none, or one that is named is not complete or cannot be read, or none in the
            store can be read.
    """
    if runs:
        return list({run.name: run.check().path for run in runs}.values())
    folders = Store(store).complete_runs()
    if not folders:
        raise BadInput(f"there is no complete run in {store}; {HOW_TO_MAKE_ONE}. Or name another --store.")
    if not any(status(Run(folder)) == COMPLETE for folder in folders):
        Run(folders[0]).check()
    return folders


def folders_of(folders: Sequence[Path], store: str | Path) -> str:
    """What `open_runs` takes for these runs: a folder on each line, or the store if it holds no other run.

    A cell with thousands of paths takes long to be sent and read.
    """
    if folders == Store(store).runs():
        return str(Path(store).absolute())
    return "\n".join(str(folder.absolute()) for folder in folders)


def open_runs(folders: str) -> list[Run]:
    """The runs that a notebook about several runs is about.

    Args:
        folders: run folders, or stores for all of their runs, one on each line; empty for the default store.

    Returns:
        The complete runs, each once. A sentence is shown about those left out, and one on how to make a run
        if there are none.
    """
    named = [folder.strip() for folder in folders.splitlines() if folder.strip()]
    with without_collections():
        runs = [run for folder in named or [str(default_store())] for run in _runs_of(folder)]
        states = {run.name: (run, status(run)) for run in runs}
    left_out = [f"{name} ({state})" for name, (_, state) in states.items() if state != COMPLETE]
    if left_out:
        more = f"; and {len(left_out) - _MOST_NAMED} more" if len(left_out) > _MOST_NAMED else ""
        blocks.say(f"Left out: {'; '.join(left_out[:_MOST_NAMED])}{more}.", kind="warning")
    if len(left_out) == len(states):
        place = " or ".join(named) or "`runs`"
        print(f"There is no complete run in {place} yet; {HOW_TO_MAKE_ONE}.")
    return [run for run, state in states.values() if state == COMPLETE]


def open_run(folder: str, level: int) -> tuple[Run | None, int]:
    """The run and the level that a notebook about one run is about.

    Args:
        folder: a complete run; empty for the newest of the default store.
        level: counted from 1, or 0 for the last.

    Returns:
        The run and the level. The run is None if none is named and there is none; a sentence then says how to
        make one.

    Raises:
        BadInput: the run is not complete or cannot be read, or has no such level.
    """
    run = Run(folder) if folder else newest_complete(default_store())
    if run is None:
        print(f"There is no complete run in `runs` yet; {HOW_TO_MAKE_ONE}.")
        return None, level
    levels = len(run.check().results["levels"])
    if not 0 <= level <= levels:
        raise BadInput(f"level {level}: run {run.name} has levels 1 to {levels}; 0 means the last.")
    return run, level or levels


def _runs_of(folder: str) -> list[Run]:
    return [Run(folder)] if is_run(folder) else runs_in(folder)
