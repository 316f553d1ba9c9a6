"""Sends the events of runs to a tracker, from a separate process, during a run or afterwards."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from workbench.errors import unknown
from workbench.extras import check_extra
from workbench.integrations.trackers import TRACKERS, Point, Tracker
from workbench.runs import Run, find_run, runs_in
from workbench.runs.layout import Store
from workbench.runs.store import is_store


def track(what: str | Path, to: str, *, store: str | Path = "runs", follow: bool = False) -> Path:
    """Sends all new events of a run, or of the runs in a store, to a tracker.

    Args:
        what: a run's name or folder, or a store.
        to: "tensorboard", "trackio" or "wandb".
        store: the store in which a run's name is looked up.
        follow: whether to continue until the runs are complete.

    Returns:
        The folder in the store with TensorBoard's event files, or with notes on what was sent.

    Raises:
        BadInput: there is no such run or tracker, or the tracker is not installed or lacks credentials;
            nothing was sent.
    """
    tracker = _tracker(to)
    runs = _meant(what, store)
    with closing(tracker(Store(runs[0].path.parent).tracked(to))) as opened:
        while True:
            over = all(run.done for run in runs)  # asked first: later events would be missed
            for run in runs:
                opened.send(run, points(run))
            if over or not follow:
                return opened.folder
            time.sleep(opened.pause)
            runs = _meant(what, store)


def points(run: Run) -> Iterator[Point]:
    """The values in a run's events that can be plotted: losses, learning rates, metrics and diagnostics."""
    for event in run.events():
        kind = event["event"]
        values = {
            f"{_PREFIXES.get(kind, kind)}/{name}": value for name, value in event.get("metrics", {}).items()
        }
        if kind != "start":
            named = (name for name in event if name not in ("time", "stage", "event", "step", "metrics"))
            values |= {name: event[name] for name in named}
        if values:
            yield Point(event["stage"], kind, event["step"], event["time"], values)


_PREFIXES = {"evaluation": "validation", "end": "kept"}


def _tracker(name: str) -> type[Tracker]:
    if name not in TRACKERS:
        raise unknown("tracker", name, TRACKERS)
    check_extra(name, f"the tracker {name}")
    TRACKERS[name].check()
    return TRACKERS[name]


def _meant(what: str | Path, store: str | Path) -> list[Run]:
    return runs_in(what) if is_store(what) else [find_run(what, store)]
