"""What share of the time of its races each run spent on evaluations, by the times in its events.

Usage: .venv/bin/python docs/results/race_share.py STORE [--least STEPS]

Candidates with fewer steps are left out (default: 50). The time before an evaluation's event counts as
its own, less that of the steps taken since the event before. A race that was paused looks longer than it was.
"""

from argparse import ArgumentParser
from collections import defaultdict
from itertools import pairwise
from statistics import median

from workbench import Run, runs_in
from workbench.runs.events import EventLog


def share(run: Run, least: int) -> float | None:
    """The share of a run's races; None if it had none of such a length."""
    stages = defaultdict(list)
    for event in EventLog(run.folder.events).read():
        if "/race/" in event["stage"]:
            stages[event["stage"]].append(event)
    total = spent = 0.0
    for events in stages.values():
        if events[-1]["event"] != "end" or events[-1]["step"] < least:
            continue
        steps = [_rate(*pair) for pair in pairwise(events) if {one["event"] for one in pair} == {"train"}]
        step = median(steps)
        total += events[-1]["time"] - events[0]["time"]
        spent += sum(
            last["time"] - first["time"] - step * (last["step"] - first["step"])
            for first, last in pairwise(events)
            if last["event"] == "evaluation"
        )
    return spent / total if total else None


def _rate(first: dict, last: dict) -> float:
    return (last["time"] - first["time"]) / (last["step"] - first["step"])


def main() -> None:
    """Prints a line for each run, and the median."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("store")
    parser.add_argument("--least", type=int, default=50)
    options = parser.parse_args()
    shares = {run.name: share(run, options.least) for run in runs_in(options.store) if run.done}
    shares = {name: value for name, value in shares.items() if value is not None}
    for name, value in shares.items():
        print(f"{name} {value:.3f}")
    print(f"median of {len(shares)} runs: {median(shares.values()):.3f}" if shares else "no races")


if __name__ == "__main__":
    main()
