"""The output of a grid on standard error: a line for each event, and on a terminal a live table."""

from collections.abc import Iterable
from itertools import islice

from rich.console import Console
from rich.live import Live
from rich.text import Text


class LiveTable:
    """On a terminal, events scroll above a table that is redrawn in place; elsewhere there are only events.

    Args:
        live: whether to draw the table; not if runs draw their own progress bars.
    """

    def __init__(self, live: bool):
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._live = Live(console=self._console, transient=True, auto_refresh=False)
        self._drawn = live and self._console.is_terminal

    def __enter__(self) -> "LiveTable":
        if self._drawn:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def print(self, line: str) -> None:
        """Adds an event."""
        self._console.print(Text(line))

    def draw(self, rows: Iterable[str]) -> None:
        """Redraws the table; reads no more rows than it draws."""
        if self._drawn:
            shown = "\n".join(islice(rows, self._console.size.height - 1))
            self._live.update(Text(shown, no_wrap=True, overflow="ellipsis"), refresh=True)
