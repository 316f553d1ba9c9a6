"""Whole runs against another version, and a race in two processes: figures of docs/performance.md.

Usage: .venv/bin/python docs/results/whole_runs.py OLD_CHECKOUT [TASK] [SCALE]

OLD_CHECKOUT is a folder with an earlier version's sources (`git worktree add OLD_CHECKOUT 77131cd`). All runs
start from a dense model, fine-tuned for one epoch, that is made first for each version and number of threads,
and is not counted. It needs two idle cores.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

ENGINES = {"imp": [], "randomized": ["--set", "candidates=8"]}
DENSE = ["--set", "dense.epochs=1", "--set", "distillation.mode=logits"]
COMMON = ["--sparsity", "0.95", "--set", "levels=3", *DENSE]
HERE = Path(__file__).resolve().parents[2]
THREADS = 2
SCRATCH = tempfile.TemporaryDirectory()
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
    # Python looks for modules in the working directory first.
    done = subprocess.run(
        [sys.executable, *program, *arguments],
        cwd=SCRATCH.name,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
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


@cache
def dense_model(sources: Path, task: str, threads: int) -> Path:
    """A store that holds nothing but a version's dense model and what it says about the training split."""
    store = Path(tempfile.mkdtemp(dir=SCRATCH.name))
    # One step under a mask, since a run cannot have none.
    first = ["prune", task, "--store", str(store), "--engine", "magnitude", "--set", "total_steps=1", *DENSE]
    workbench(sources, threads, *first, *accepted(sources), program=("-m", "workbench"))
    return store / "shared"


def accepted(sources: Path) -> list[str]:
    """The option that accepts a dense model no better than a constant answer, which 77131cd does not have."""
    return ["--yes"] if sources == HERE else []


def measured(
    sources: Path, task: str, scale: str, engine: str, *, jobs: int = 1, program=()
) -> tuple[float, float]:
    """Wall seconds of a run, start of the process included, and of its races."""
    program = program or ("-m", "workbench")
    store = tempfile.mkdtemp(dir=SCRATCH.name)
    shutil.copytree(dense_model(sources, task, 1 if jobs > 1 else THREADS), f"{store}/shared")
    own = ["prune", task, "--store", store, "--engine", engine, "--scale", scale, *COMMON, *ENGINES[engine]]
    own += ["--jobs", str(jobs)] if jobs > 1 else []
    begun = time.monotonic()
    run = workbench(sources, THREADS, *own, *accepted(sources), program=program)
    return time.monotonic() - begun, race_seconds(Path(run))


def main() -> None:
    """Prints all figures."""
    old = Path(sys.argv[1]).resolve()
    task, scale = (sys.argv[2:] + ["glue/mrpc", "0.1"][len(sys.argv) - 2 :])[:2]
    share = ("-c", SHARE)
    rows = {
        "imp": (HERE, "imp", {}),
        "randomized, one process of two threads": (HERE, "randomized", {"program": share}),
        "randomized, --jobs 2": (HERE, "randomized", {"jobs": 2}),
        "imp, earlier version": (old, "imp", {}),
        "randomized, earlier version": (old, "randomized", {}),
    }
    print("| run | seconds | of them races |\n| --- | --- | --- |")
    for name, (sources, engine, options) in rows.items():
        seconds, races = measured(sources, task, scale, engine, **options)
        print(f"| {name} | {seconds:.0f} | {races:.0f} |", flush=True)


if __name__ == "__main__":
    main()
