"""Replays the events of runs into a tracker: beside a training or after it, never inside."""

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
    """Gives a tracker every event of a run, or of the runs in a store, that it has not had yet.

    Args:
        what: a run's name or folder, or a store.
        to: "tensorboard", "trackio" or "wandb".
        store: where the name of a run is looked up.
        follow: go on until the runs are complete.

    Returns:
        The folder in which the store keeps TensorBoard's event files, or notes on what was sent.

    Raises:
        BadInput: no such run or tracker, or one that is not installed or lacks its credentials; nothing was
            sent.
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
    """What can be drawn of a run's events: losses, learning rates, metrics and diagnostics."""
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
