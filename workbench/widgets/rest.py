"""Slow work that waits until the hand rests."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any


class AfterRest:
    """Does the latest thing that was asked for, in a thread, once nothing new was asked for a while.

    The kernel is free meanwhile. Where there is no event loop, in a plain script, nothing is done.

    Args:
        seconds: how long nothing may be asked for before work begins.
        work: called in the thread with what was asked for and a function that says whether that is still
            wanted.
        done: called in the kernel's own thread with the result, or the error in its place, unless something
            else was asked for since.
    """

    def __init__(
        self,
        seconds: float,
        work: Callable[[Any, Callable[[], bool]], Any],
        done: Callable[[Any], None],
    ):
        self._seconds, self._work, self._done = seconds, work, done
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="after-rest")
        self._task: asyncio.Task | None = None
        self._dropped = Event()

    def ask(self, request: Any) -> None:
        """Has something done in place of whatever was asked for before."""
        self.forget()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._dropped = Event()
        self._task = loop.create_task(self._after_rest(request, self._dropped))

    def forget(self) -> None:
        """Drops what was asked for; work that has begun is told, and its result not used."""
        self._dropped.set()
        if self._task is not None:
            self._task.cancel()

    async def _after_rest(self, request: Any, dropped: Event) -> None:
        await asyncio.sleep(self._seconds)
        loop = asyncio.get_running_loop()
        try:
            result = await loop.run_in_executor(
                self._thread, self._work, request, lambda: not dropped.is_set()
            )
        except Exception as error:
            result = error
        self._done(result)
