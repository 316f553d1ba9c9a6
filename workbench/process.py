"""What makes the processes of the workbench start and end quickly."""

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn


@contextmanager
def without_collections() -> Iterator[None]:
    """Pauses the garbage collector, for imports of torch and transformers, and for reading many runs.

    They make millions of objects that are not freed for long, and collections would go through these again
    and again.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def leave(code: int) -> NoReturn:
    """Ends the process without taking the libraries down one object at a time, which takes a second.

    Functions registered with `atexit` are called, and output is flushed.
    """
    atexit._run_exitfuncs()
    with suppress(BrokenPipeError):  # nobody reads any more
        sys.stdout.flush()
    with suppress(BrokenPipeError):
        sys.stderr.flush()
    os._exit(code)
