"""Errors that a user can act on.

Each message is one paragraph that names the value, the limit and the remedy. The shell prints
it without a traceback and exits with `exit_code`; anything else that escapes is a defect.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class WorkbenchError(Exception):
    """Base of the errors that are not defects."""

    exit_code = 2


class BadInput(WorkbenchError, ValueError):
    """A value, file or environment that cannot be used; raised before any work has started."""

    exit_code = 2


class Stopped(WorkbenchError):
    """Work that ended early (interrupt, full disk, NaN loss); says what was kept and how to go on."""

    exit_code = 3


class Failed(WorkbenchError):
    """Work of which a part ended in errors that running it again will not mend; the rest is done."""

    exit_code = 1


def unknown(kind: str, name: object, known: Iterable[str]) -> BadInput:
    """A `BadInput` for a `name` that is none of `known`, with the nearest names first.

    `kind` is a singular noun such as "task"; `known` may be any iterable of names.
    """
    known = sorted(known)
    if not known:
        return BadInput(f"unknown {kind} {name!r}; there is none at all.")
    close = get_close_matches(str(name), known, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    return BadInput(f"unknown {kind} {name!r}. {hint}Known: {', '.join(known)}.")
