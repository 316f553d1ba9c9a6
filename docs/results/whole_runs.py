"""Whole runs against another version, and a race in two processes: figures of docs/performance.md.

Usage: .venv/bin/python docs/results/whole_runs.py OLD_CHECKOUT [TASK] [SCALE]

OLD_CHECKOUT is a folder with an earlier version's sources (`git worktree add OLD_CHECKOUT 77131cd`). All runs
start from a dense model that is made first, for each version, and is not counted. It needs two idle cores.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENGINES = {"imp": [], "randomized": ["--set", "candidates=8"]}
COMMON = ["--sparsity", "0.95", "--set", "levels=3", "--set", "distillation.mode=logits"]
HERE = Path(__file__).resolve().parents[2]
# Carries out the options of a command in this process, and prints what share of races evaluations took.
SHARE = """
import sys
from stopwatch import Stopwatch
from workbench.cli import main
watch = Stopwatch()
assert main(sys.argv[1:]) == 0
races = [stage for stage in watch.steps if stage.rpartition("/")[2] == "race"]
def total(seconds):
    return sum(sum(seconds[stage]) for stage in races)
evaluations = total(watch.evaluations)
training = total(watch.steps) + total(watch.choices)
print(f"evaluations took {evaluations / (evaluations + training):.1%} of the races", file=sys.stderr)
"""


def workbench(sources: Path, threads: int, *arguments: str, program: tuple[str, ...]) -> str:
    """Runs a program with the sources of a version; returns its last line of output."""
    paths = os.pathsep.join([str(sources), str(HERE / "docs" / "results")])
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(
        [sys.executable, *program, *arguments], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


def race_seconds(run: Path) -> float:
    """From the first event to the last one of each race, summed."""
    log = (run / "events.jsonl").read_text().splitlines()
    races: dict[str, list[float]] = {}
    for event in map(json.loads, log):
        if "/race/" in event["stage"]:
            races.setdefault(event["stage"].partition("/")[0], []).append(event["time"])
    return sum(max(times) - min(times) for times in races.values())


def measured(
    sources: Path, task: str, scale: str, engine: str, *, jobs: int = 1, threads: int = 2, program=()
) -> tuple[float, float]:
    """Wall seconds of a run, start of the process included, and of its races."""
    program = program or ("-m", "workbench")
    with tempfile.TemporaryDirectory() as store:
        prune = ["prune", task, "--store", store]
        # One step under a mask: all that it leaves is the dense model and its logits.
        first = ["--engine", "magnitude", "--set", "total_steps=1", *COMMON[4:]]
        threads_of_dense = 1 if jobs > 1 else threads
        workbench(sources, threads_of_dense, *prune, *first, program=("-m", "workbench"))
        own = ["--engine", engine, "--scale", scale, *COMMON, *ENGINES[engine]]
        own += ["--jobs", str(jobs)] if jobs > 1 else []
        begun = time.monotonic()
        run = workbench(sources, threads, *prune, *own, program=program)
        return time.monotonic() - begun, race_seconds(Path(run))


def main() -> None:
    """Prints all figures."""
    old = Path(sys.argv[1]).resolve()
    task, scale = (sys.argv[2:] + ["glue/mrpc", "0.1"][len(sys.argv) - 2 :])[:2]
    rows = [
        ("imp, 77131cd", measured(old, task, scale, "imp")),
        ("imp", measured(HERE, task, scale, "imp")),
        ("randomized, 77131cd", measured(old, task, scale, "randomized")),
        ("randomized, one process of two threads", measured(HERE, task, scale, "randomized")),
        ("randomized, --jobs 2", measured(HERE, task, scale, "randomized", jobs=2)),
    ]
    print("| run | seconds | of them races |\n| --- | --- | --- |")
    for name, (seconds, races) in rows:
        print(f"| {name} | {seconds:.0f} | {races:.0f} |")
    measured(HERE, task, scale, "randomized", program=("-c", SHARE))


if __name__ == "__main__":
    main()
