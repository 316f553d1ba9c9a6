"""Errors that a user can act on.

Each message is one paragraph that names the value, the limit and the remedy. The command line prints it
without a traceback and exits with `exit_code`. Any other exception that reaches the user is a defect.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class WorkbenchError(Exception):
    """Base class of all errors that are not defects."""

    exit_code = 2


class BadInput(WorkbenchError, ValueError):
    """A value, file or environment that cannot be used; raised before any work starts."""

    exit_code = 2


class Stopped(WorkbenchError):
    """Work that stopped early (interrupt, full disk, NaN loss); says what was kept and how to resume."""

    exit_code = 3


class Failed(WorkbenchError):
    """Work that partly failed with errors that a repeat would not fix; the rest is done."""

    exit_code = 1


def unknown(kind: str, name: object, known: Iterable[str]) -> BadInput:
    """A `BadInput` for a `name` that is not among `known`; suggests the closest names.

    `kind` is a singular noun such as "task"; `known` may be any iterable of names.
    """
    known = sorted(known)
    if not known:
        return BadInput(f"unknown {kind} {name!r}; there are none.")
    close = get_close_matches(str(name), known, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    return BadInput(f"unknown {kind} {name!r}. {hint}Known: {', '.join(known)}.")
