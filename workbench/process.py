"""What makes the processes of the workbench start and end quickly."""

import atexit
import gc
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, NoReturn


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


@contextmanager
def without_module(name: str) -> Iterator[None]:
    """Imports that happen inside find an optional module missing; it can be imported afterwards."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None
    try:
        yield
    finally:
        del sys.modules[name]


def imported_when_used(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__` and `__dir__`, which import its names when they are first used.

    The libraries behind them take seconds, and a process that lists runs needs few of them.

    Args:
        package: its name.
        homes: by name, the module of the package that defines it; the name itself where it is that module.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with without_collections():
            module = import_module(f"{package}.{homes[name]}")
        return module if homes[name] == name else getattr(module, name)

    return find, lambda: sorted({*vars(sys.modules[package]), *homes})


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
