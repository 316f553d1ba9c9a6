"""Which run, or which runs, a report is about."""

from collections.abc import Sequence
from pathlib import Path

from workbench.errors import BadInput
from workbench.reports import blocks
from workbench.runs import (
    COMPLETE,
    Run,
    complete_runs,
    default_store,
    is_run,
    newest_complete,
    runs_in,
    status,
)

HOW_TO_MAKE_ONE = "`workbench prune synth/sst2 --engine magnitude` makes one"
# Of unfit runs no more are named.
_MOST_NAMED = 3


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
    """The runs that are named, each once, or all complete ones of a store, those that cannot be read too.

    Raises:
        BadInput: there is none, or one that is named is not complete or cannot be read, or none of a store
            can be.
    """
    named = {run.name: run for run in runs or complete_runs(store)}
    if not named:
        raise BadInput(f"no complete run in {store}; {HOW_TO_MAKE_ONE}, or name another --store.")
    if runs or not any(status(run) == COMPLETE for run in named.values()):
        return [_checked(run) for run in named.values()]
    return list(named.values())


def open_runs(folders: str) -> list[Run]:
    """What a notebook about several runs is about.

    Args:
        folders: run folders, or stores of which all runs are meant, one a line; empty for the default store.

    Returns:
        The runs that can be looked at, each once, after a word on those that cannot and why. Where there is
        none, none, after a word on how to make one.
    """
    named = [folder.strip() for folder in folders.splitlines() if folder.strip()]
    runs = [run for folder in named or [str(default_store())] for run in _runs_of(folder)]
    states = {run.name: (run, status(run)) for run in runs}
    unfit = [f"{name} ({state})" for name, (_, state) in states.items() if state != COMPLETE]
    if unfit:
        more = f"; and {len(unfit) - _MOST_NAMED} more" if len(unfit) > _MOST_NAMED else ""
        blocks.say(f"Left out: {'; '.join(unfit[:_MOST_NAMED])}{more}.", kind="warning")
    if len(unfit) == len(states):
        place = " or ".join(named) or "`runs`"
        print(f"There is no complete run in {place} yet; {HOW_TO_MAKE_ONE}.")
    return [run for run, state in states.values() if state == COMPLETE]


def open_run(folder: str, level: int) -> tuple[Run | None, int]:
    """What a report's notebook is about.

    Args:
        folder: a complete run; empty for the newest of the default store.
        level: counted from 1, or 0 for the last.

    Returns:
        The run and the level. Where no run is named and there is none, None, after a word on how to make one.

    Raises:
        BadInput: the run is not complete or cannot be read, or has no such level.
    """
    run = Run(folder) if folder else newest_complete(default_store())
    if run is None:
        print(f"There is no complete run in `runs` yet; {HOW_TO_MAKE_ONE}.")
        return None, level
    levels = len(_checked(run).results["levels"])
    if not 0 <= level <= levels:
        raise BadInput(f"level {level}: run {run.name} has levels 1 to {levels}; 0 means the last.")
    return run, level or levels


def _runs_of(folder: str) -> list[Run]:
    return [Run(folder)] if is_run(folder) else runs_in(folder)


def _checked(run: Run) -> Run:
    """The run, once its spec and its results have been read without an error."""
    _ = run.spec, run.results
    return run
