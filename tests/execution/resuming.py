"""Runs that are interrupted and resumed, and what must be the same in the end."""

import copy
from pathlib import Path

import pytest

from workbench.errors import Stopped
from workbench.execution import prune, stage_training
from workbench.runs import Run, RunSpec
from workbench.training import MaskedTrainer


def outcome(run: Run) -> dict:
    """Everything that must repeat bit for bit."""
    results = copy.deepcopy(run.results)
    results.pop("milliseconds")
    for part in (*results["levels"], results["dense"], *results["cost"].values()):
        part.get("cost", part).pop("seconds")
    files = [*sorted((run.path / "masks").rglob("*.safetensors")), run.path / "model" / "model.safetensors"]
    events = [{k: v for k, v in event.items() if k != "time"} for event in run.events()]
    return {
        "results": results,
        "files": {str(path.relative_to(run.path)): path.read_bytes() for path in files},
        "events": events,
    }


def parallel_outcome(run: Run) -> dict:
    """What must repeat bit for bit; the order of events is only fixed within a stage."""
    found = outcome(run)
    by_stage = {}
    for event in found.pop("events"):
        by_stage.setdefault(event["stage"], []).append(event)
    races = {str(path.relative_to(run.path)): path.read_text() for path in run.path.rglob("race.json")}
    return found | {"events": by_stage, "races": races}


def interrupted_at(advance, count: int):
    """`MaskedTrainer.advance` that is interrupted in its `count`-th step."""
    calls = iter(range(1, count))

    def step(trainer, batch):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return advance(trainer, batch)

    return step


def stops_until_done(
    spec: RunSpec, folder: Path, monkeypatch: pytest.MonkeyPatch, every: int, compute: str = "auto"
) -> int:
    """Interrupts a run in every `every`-th step until it is complete; it must end as an unbroken one does.

    Only its first start is given `compute`.

    Returns:
        how often it was stopped.
    """
    whole = outcome(prune(spec, store=folder / "whole", compute=compute))
    monkeypatch.setattr(stage_training, "CHECKPOINT_SECONDS", 0.0)
    advance, stops = MaskedTrainer.advance, 0
    while True:
        monkeypatch.setattr(MaskedTrainer, "advance", interrupted_at(advance, every))
        try:
            run = prune(spec, store=folder / "broken", compute="auto" if stops else compute)
            break
        except Stopped:
            stops += 1
    assert outcome(run) == whole
    return stops
