"""Progress bars on standard error, which vanish where it is no terminal."""

import sys

from tqdm.auto import tqdm


def progress_bar(what: str, total: int, *, done: int = 0, unit: str = "step", hidden: bool = False) -> tqdm:
    """A bar of `total` units, `done` of which are over."""
    return tqdm(
        desc=what,
        initial=done,
        total=total,
        unit=unit,
        leave=False,
        disable=hidden or not sys.stderr.isatty(),
        file=sys.stderr,
    )
