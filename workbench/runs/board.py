"""What a grid shows while it works, on standard error: a line an event, and on a terminal a live table."""

import shutil
import sys
from collections.abc import Sequence


class Board:
    """Events scroll by above a table that is redrawn in place, where there is a terminal.

    Args:
        live: whether to draw the table; not while runs draw progress bars of their own.
    """

    def __init__(self, live: bool):
        self._live = live and sys.stderr.isatty()
        self._shown: list[str] = []

    def say(self, text: str) -> None:
        """Adds an event."""
        rows = self._shown
        self._show([])
        print(text, file=sys.stderr, flush=True)
        self._show(rows)

    def draw(self, rows: Sequence[str]) -> None:
        """Replaces the table; no rows take it away."""
        if self._live:
            size = shutil.get_terminal_size()
            self._show([row[: size.columns - 1] for row in rows[: size.lines - 1]])

    def _show(self, rows: list[str]) -> None:
        if rows == self._shown:
            return
        # Up to the first row of the old table, then erase from there to the end of the screen.
        erase = f"\x1b[{len(self._shown)}A\x1b[J" if self._shown else ""
        print(erase + "".join(f"{row}\n" for row in rows), end="", file=sys.stderr, flush=True)
        self._shown = rows
