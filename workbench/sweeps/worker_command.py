"""The command line of a worker (`worker.py`), which the package must not import: `python -m` executes it."""

import json
import signal
import sys
from pathlib import Path

from workbench.runs.spec import RunSpec

# The signals that stop a run so that it can be resumed.
STOPPING = (signal.SIGINT, signal.SIGTERM)


def command(
    spec: RunSpec,
    store: str | Path,
    *,
    background: bool = False,
    compute: str = "auto",
    jobs: int = 1,
    yes: bool = False,
    wait: bool = False,
) -> list[str]:
    """The command line of a worker."""
    arguments = [json.dumps(spec.changed), str(store), "--compute", compute, "--jobs", str(jobs)]
    arguments += ["--background", spec.name] if background else []
    arguments += ["--yes"] * yes + ["--wait"] * wait
    return [sys.executable, "-m", "workbench.sweeps.worker", *arguments]
