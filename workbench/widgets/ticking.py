"""Looking again and again, without holding up the kernel."""

import asyncio
from collections.abc import Callable

_SECONDS = 1.0


class Ticker:
    """Calls a function every second, in the kernel's own event loop, for as long as it asks for more.

    Between calls the kernel is free. Where there is no event loop, in a plain script, nothing is called.

    Args:
        tick: returns whether it wants to be called again.
    """

    def __init__(self, tick: Callable[[], bool]):
        self._tick = tick
        self._task: asyncio.Task | None = None

    def start(self) -> None:
        """Begins, where it has not begun."""
        if self._task is not None and not self._task.done():
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._task = loop.create_task(self._run())

    async def _run(self) -> None:
        while self._tick():
            await asyncio.sleep(_SECONDS)
