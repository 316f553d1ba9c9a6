"""Debounced work starts after a pause and is cancelled by new requests; a ticker calls again and again."""

import asyncio
import threading

import pytest

from workbench.widgets import background
from workbench.widgets.background import Debouncer, Ticker


def test_of_many_requests_only_the_last_is_carried_out():
    worked, done = [], []

    async def move():
        debouncer = Debouncer(0.05, lambda request, _: worked.append(request) or 10 * request, done.append)
        for request in range(5):
            debouncer.request(request)
            await asyncio.sleep(0.001)
        while not done:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(move(), 100))
    assert (worked, done) == ([4], [40])


def test_work_is_in_a_thread_and_its_result_in_that_of_the_loop():
    threads = []

    async def move():
        done = asyncio.Event()

        def finish(result):
            threads.extend([result, threading.current_thread()])
            done.set()

        Debouncer(0.0, lambda *_: threading.current_thread(), finish).request(None)
        await done.wait()

    asyncio.run(asyncio.wait_for(move(), 100))
    assert threads[0] is not threads[1]
    assert threads[1] is threading.main_thread()


def test_work_in_progress_can_see_that_it_is_outdated_and_its_result_is_ignored():
    started, seen, done = threading.Event(), [], []

    def work(request, wanted):
        started.set()
        while request == "old" and wanted():
            pass
        seen.append((request, wanted()))
        return request

    async def move():
        debouncer = Debouncer(0.0, work, done.append)
        debouncer.request("old")
        while not started.is_set():
            await asyncio.sleep(0.001)
        debouncer.request("new")
        while not done:
            await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(move(), 100))
    assert seen == [("old", False), ("new", True)]
    assert done == ["new"]


def test_an_error_is_passed_on_as_a_result():
    done = []

    async def move():
        Debouncer(0.0, lambda *_: 1 / 0, done.append).request(None)
        while not done:
            await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(move(), 100))
    assert isinstance(done[0], ZeroDivisionError)


def test_without_an_event_loop_requests_are_ignored():
    done = []
    Debouncer(0.0, lambda *_: 1, done.append).request(None)
    assert done == []


def test_a_ticker_yields_to_others_and_ends_when_its_function_returns_false(monkeypatch):
    monkeypatch.setattr(background, "_TICK_SECONDS", 0.0)
    order = []

    def tick() -> bool:
        order.append("tick")
        return order.count("tick") < 3

    async def other() -> None:
        ticker = Ticker(tick)
        ticker.start()
        ticker.start()
        for _ in range(10):
            order.append("other")
            await asyncio.sleep(0)

    asyncio.run(other())
    assert order.count("tick") == 3
    assert order[:4] == ["other", "tick", "other", "tick"]


def test_without_an_event_loop_nothing_ticks():
    Ticker(lambda: pytest.fail("it ticked")).start()
