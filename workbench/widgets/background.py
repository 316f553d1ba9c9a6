"""Work that does not block the kernel: slow work after a pause in requests, and regular ticks."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

_TICK_SECONDS = 1.0


class Debouncer:
    """Carries out the latest request in a thread, once there has been no new request for a while.

    Without an event loop, as in a plain script, requests are ignored.

    Args:
        seconds: how long there must be no new request before work starts.
        work: called in the thread with the request and a function that says whether it is still the latest.
        done: called in the kernel's own thread with the result, or with the exception that `work` raised,
            unless there was a new request since.
    """

    def __init__(
        self,
        seconds: float,
        work: Callable[[Any, Callable[[], bool]], Any],
        done: Callable[[Any], None],
    ):
        self._seconds, self._work, self._done = seconds, work, done
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="debouncer")
        self._task: asyncio.Task | None = None
        self._cancelled = Event()

    def request(self, request: Any) -> None:
        """Replaces any earlier request."""
        self.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._cancelled = Event()
        self._task = loop.create_task(self._run(request, self._cancelled))

    def cancel(self) -> None:
        """Cancels the current request; work that has started can see this, and its result is ignored."""
        self._cancelled.set()
        if self._task is not None:
            self._task.cancel()

    async def _run(self, request: Any, cancelled: Event) -> None:
        await asyncio.sleep(self._seconds)
        loop = asyncio.get_running_loop()
        try:
            result = await loop.run_in_executor(
                self._thread, self._work, request, lambda: not cancelled.is_set()
            )
        except Exception as error:
            result = error
        self._done(result)


class Ticker:
    """Calls a function every second in the kernel's event loop, until it returns false.

    Without an event loop, as in a plain script, nothing is called.

    Args:
        tick: returns whether to call it again.
    """

    def __init__(self, tick: Callable[[], bool]):
        self._tick = tick
        self._task: asyncio.Task | None = None

    def start(self) -> None:
        """Starts ticking, unless it already is."""
        if self._task is not None and not self._task.done():
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._task = loop.create_task(self._run())

    async def _run(self) -> None:
        while self._tick():
            await asyncio.sleep(_TICK_SECONDS)
