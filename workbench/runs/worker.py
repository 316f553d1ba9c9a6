"""A run in a process of its own, as the executor "process" starts it: python -m workbench.runs.

It stops, resumably, when its standard input ends: on purpose, or because the process that started it is
gone in whatever way.
"""

import _thread
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from workbench.errors import WorkbenchError
from workbench.runs.launch import prune
from workbench.runs.spec import RunSpec

# What asks a run to stop so that it can be gone on with.
STOPPING = (signal.SIGINT, signal.SIGTERM)


def main(arguments: Sequence[str]) -> int:
    """Carries out a run and says on standard error how it failed; the return value is the exit code.

    Args:
        arguments: the spec as JSON, and the store.
    """
    spec, store = arguments
    threading.Thread(target=_stop_with_input, daemon=True).start()
    return work(json.loads(spec), store)


def work(spec: dict[str, Any], store: str) -> int:
    """The same, for a spec's values, whatever becomes of standard input."""
    try:
        for kind in STOPPING:  # a shell may have had SIGINT ignored
            signal.signal(kind, signal.default_int_handler)
        # Whoever started this may have held signals back until now, when there is somebody to hear them.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        prune(RunSpec.from_plain(spec), store)
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted.", file=sys.stderr)
        return 3
    return 0


def _stop_with_input() -> None:
    while os.read(0, 1):  # not sys.stdin, whose lock the interpreter would wait for at its end
        pass
    _thread.interrupt_main()
