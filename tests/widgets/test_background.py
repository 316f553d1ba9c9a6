"""Slow work begins when the hand rests, and what is no longer wanted is dropped."""

import asyncio
import threading

from workbench.widgets.rest import AfterRest


def test_of_many_requests_only_the_last_is_carried_out():
    worked, done = [], []

    async def move():
        rest = AfterRest(0.05, lambda request, _: worked.append(request) or 10 * request, done.append)
        for request in range(5):
            rest.ask(request)
            await asyncio.sleep(0.001)
        while not done:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(move(), 100))
    assert (worked, done) == ([4], [40])


def test_work_is_in_a_thread_and_its_result_in_the_loops():
    threads = []

    async def move():
        done = asyncio.Event()

        def finish(result):
            threads.extend([result, threading.current_thread()])
            done.set()

        AfterRest(0.0, lambda *_: threading.current_thread(), finish).ask(None)
        await done.wait()

    asyncio.run(asyncio.wait_for(move(), 100))
    assert threads[0] is not threads[1]
    assert threads[1] is threading.main_thread()


def test_work_that_is_under_way_is_told_that_it_is_not_wanted_and_its_result_is_dropped():
    begun, told, done = threading.Event(), [], []

    def work(request, wanted):
        begun.set()
        while request == "old" and wanted():
            pass
        told.append((request, wanted()))
        return request

    async def move():
        rest = AfterRest(0.0, work, done.append)
        rest.ask("old")
        while not begun.is_set():
            await asyncio.sleep(0.001)
        rest.ask("new")
        while not done:
            await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(move(), 100))
    assert told == [("old", False), ("new", True)]
    assert done == ["new"]


def test_an_error_is_handed_over_as_a_result():
    done = []

    async def move():
        AfterRest(0.0, lambda *_: 1 / 0, done.append).ask(None)
        while not done:
            await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(move(), 100))
    assert isinstance(done[0], ZeroDivisionError)


def test_in_a_plain_script_nothing_is_done():
    done = []
    AfterRest(0.0, lambda *_: 1, done.append).ask(None)
    assert done == []
