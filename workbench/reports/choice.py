"""Which run, or which runs, a report is about."""

from collections.abc import Sequence
from pathlib import Path

from workbench.analysis import newest_complete, status
from workbench.errors import BadInput
from workbench.reports import blocks
from workbench.runs import Run, runs_in

HOW_TO_MAKE_ONE = "`workbench prune synth/sst2 --engine magnitude` makes one"
# Of unfit runs no more are named.
_TOLD = 3


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
    found = {run.name: run for run in runs or _complete(store)}
    if not found:
        raise BadInput(f"no complete run in {store}; {HOW_TO_MAKE_ONE}, or name another --store.")
    if runs or not any(_fits(run) for run in found.values()):
        return [_checked(run) for run in found.values()]
    return list(found.values())


def open_runs(folders: str) -> list[Run]:
    """What a notebook about several runs is about.

    Args:
        folders: run folders, or stores of which all runs are meant, one a line; where it is empty, the store
            `runs` or `../runs`.

    Returns:
        The runs that can be looked at, each once, after a word on those that cannot and why. Where there is
        none, none, after a word on how to make one.
    """
    there = [run for folder in folders.splitlines() if folder.strip() for run in _runs_of(folder.strip())]
    if not folders.strip():
        there = next((runs for runs in map(runs_in, ("runs", "../runs")) if runs), [])
    states = {run.name: (run, status(run)) for run in there}
    unfit = [f"{name} ({state})" for name, (_, state) in states.items() if state != "complete"]
    if unfit:
        more = f"; and {len(unfit) - _TOLD} more" if len(unfit) > _TOLD else ""
        blocks.say(f"Left out: {'; '.join(unfit[:_TOLD])}{more}.", kind="warning")
    if len(unfit) == len(states):
        place = " or ".join(folders.split("\n")) if folders.strip() else "`runs`"
        print(f"There is no complete run in {place} yet; {HOW_TO_MAKE_ONE}.")
    return [run for run, state in states.values() if state == "complete"]


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


def _runs_of(folder: str) -> list[Run]:
    return [Run(folder)] if (Path(folder) / "spec.yaml").is_file() else runs_in(folder)


def _fits(run: Run) -> bool:
    return status(run) == "complete"


def _complete(store: str | Path) -> list[Run]:
    return [run for run in runs_in(store) if run.done]


def _checked(run: Run) -> Run:
    """The run, once its spec and its results have been read without an error."""
    _ = run.spec, run.results
    return run
