"""A run in a process of its own: python -m workbench.sweeps.worker SPEC STORE [OPTION]...

A worker of a grid stops, and can be resumed, when its standard input is closed: on purpose, or because the
process that started it has ended. A background run ignores its standard input and records how it ended. On a
cluster, a run waits until its earlier attempt, perhaps on another node, has noticed that it is over.
"""

import _thread
import json
import os
import signal
import sys
import threading
import traceback
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import Timeout

from workbench.errors import WorkbenchError
from workbench.execution import prune
from workbench.files import write_json
from workbench.locks import file_lock
from workbench.process import leave
from workbench.runs.layout import Store
from workbench.runs.spec import RunSpec
from workbench.sweeps.worker_command import STOPPING

_EARLIER_SECONDS = 120.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Executes a run and reports a failure on standard error; returns the exit code.

    Args:
        arguments: the changed values of the spec as JSON, the store, how to compute and in how many
            processes, for a background run its name, whether to accept a poor dense model, and whether to
            wait for an earlier attempt.
    """
    parser = ArgumentParser(prog="workbench.sweeps.worker")
    parser.add_argument("spec", type=json.loads)
    parser.add_argument("store")
    parser.add_argument("--compute", default="auto")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--background", metavar="RUN")
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--wait", action="store_true")
    options = parser.parse_args(arguments)
    how = {"compute": options.compute, "jobs": options.jobs, "yes": options.yes, "wait": options.wait}
    if options.background:
        return _in_background(options.spec, options.store, how, options.background)
    threading.Thread(target=_stop_with_input, daemon=True).start()
    return carry_out(options.spec, options.store, **how)


def carry_out(
    plain: dict[str, Any],
    store: str,
    compute: str = "auto",
    jobs: int = 1,
    yes: bool = False,
    wait: bool = False,
) -> int:
    """Executes the run of a spec's changed values; returns the exit code."""
    try:
        for kind in STOPPING:  # a shell may have had SIGINT ignored
            signal.signal(kind, signal.default_int_handler)
        # Whoever started this may have blocked the signals until now, when they can be handled.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        spec = RunSpec.from_plain(plain)
        if wait:
            _await_earlier(Store(store).run(spec.name).lock)
        prune(spec, store, compute=compute, jobs=jobs, yes=yes)
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted.", file=sys.stderr)
        return 3
    return 0


def _in_background(plain: dict[str, Any], store: str, how: dict[str, Any], name: str) -> int:
    try:
        code = carry_out(plain, store, **how)
    except Exception:
        traceback.print_exc()
        code = 1
    write_json(Store(store).run(name).job_ending, {"exit_code": code})
    return code


def _await_earlier(lock: Path) -> None:
    """Waits until no process works on the run; if one stays, `prune` rejects the run."""
    if lock.exists():
        with suppress(Timeout), file_lock(lock, timeout=_EARLIER_SECONDS):
            pass


def _stop_with_input() -> None:
    while os.read(0, 1):  # not sys.stdin, whose lock the interpreter would wait for at exit
        pass
    _thread.interrupt_main()


if __name__ == "__main__":
    leave(main())
