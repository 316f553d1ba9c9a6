"""The error message of a panel."""

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import ipywidgets as widgets


class Notice(widgets.HTML):
    """One sentence, or nothing."""

    def __init__(self):
        super().__init__()
        self.add_class("workbench-notice")

    def say(self, sentence: str) -> None:
        """Shows a sentence, which may contain any text; nothing if it is empty."""
        look = "border-left:4px solid #d55e00;background:#fdf3ec;padding:6px 12px;line-height:1.4"
        self.value = f'<div role="alert" style="{look}">{escape(sentence)}</div>' if sentence else ""

    @contextmanager
    def catching(self) -> Iterator[None]:
        """Shows an error, on one line, instead of raising it.

        No error in a panel may stop the loop that refreshes it.
        """
        try:
            yield
        except Exception as error:
            self.say(" ".join(str(error).split()) or type(error).__name__)
