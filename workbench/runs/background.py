"""A run in a process that nobody waits for: python -m workbench.runs.background, out of `runs/jobs.py`."""

import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from workbench.files import write_json
from workbench.runs.jobs import ENDING
from workbench.runs.worker import work


def main(arguments: Sequence[str]) -> int:
    """Carries out a run and writes down how it ended; the return value is the exit code.

    Args:
        arguments: the spec as JSON, the store, and the run folder.
    """
    spec, store, root = arguments
    try:
        code = work(json.loads(spec), store)
    except Exception:
        traceback.print_exc()
        code = 1
    write_json(Path(root) / ENDING, {"exit_code": code})
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
