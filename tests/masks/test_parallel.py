import os
import threading

import pytest

from workbench.execution.environment import torch_threads
from workbench.masks import parallel


@pytest.fixture(params=["threads of torch", "threads of a pool"])
def ours(request, monkeypatch):
    if request.param == "threads of a pool":
        monkeypatch.setattr(parallel, "_gomp_parallel", lambda: None)
    elif parallel._gomp_parallel() is None:
        pytest.skip("torch comes without GNU's OpenMP library")


@pytest.fixture(params=[1, 2, 3])
def threads(request, ours):
    with torch_threads(request.param):
        yield request.param


def test_results_are_in_the_order_of_the_jobs(threads):
    assert parallel.each(lambda a, b: a - b, [(n, 1) for n in range(50)]) == list(range(-1, 49))
    assert parallel.each(abs, []) == []


def test_jobs_run_on_as_many_threads_as_torch_uses(threads):
    meeting = threading.Barrier(threads, timeout=30)
    names = parallel.each(lambda n: (meeting.wait(), threading.current_thread().name)[1], [(0,)] * threads)
    assert len(set(names)) == threads


def test_serial_jobs_run_on_the_calling_thread(threads):
    threads_used = parallel.each(lambda n: threading.current_thread(), [(n,) for n in range(9)], serial=True)
    assert set(threads_used) == {threading.current_thread()}


def test_no_job_is_running_after_an_error(threads):
    running = []

    def job(n):
        if n == 0:
            raise ZeroDivisionError
        running.append(n)
        threading.Event().wait(0.01)
        running.remove(n)

    with pytest.raises(ZeroDivisionError):
        parallel.each(job, [(n,) for n in range(20)])
    assert running == []


def test_the_first_error_in_order_is_raised(threads):
    def job(n):
        raise ValueError(n)

    with pytest.raises(ValueError, match=r"^0$"):
        parallel.each(job, [(n,) for n in range(9)])


def test_jobs_may_start_jobs(threads):
    def job(n):
        return sum(parallel.each(abs, [(m,) for m in range(n)]))

    assert parallel.each(job, [(n,) for n in range(40)]) == [n * (n - 1) // 2 for n in range(40)]


def test_several_threads_may_call_each_at_once(threads):
    totals = []
    callers = [
        threading.Thread(target=lambda: totals.append(sum(parallel.each(abs, [(n,) for n in range(99)]))))
        for _ in range(4)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=30)
    assert totals == [99 * 49] * 4


def test_a_forked_child_does_not_wait_for_threads_of_its_parent(ours):
    with torch_threads(2):
        parallel.each(abs, [(1,), (2,)])
        child = os.fork()
        if child == 0:
            os._exit(parallel.each(abs, [(3,), (4,)]) != [3, 4])
        assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("numel", [0, 1, 7, 8, 9, 23, 24, 25])
def test_spans_cover_each_entry_once_and_start_at_whole_bytes(numel, monkeypatch):
    monkeypatch.setattr(parallel, "CHUNK", 8)
    spans = parallel.spans(numel)
    assert [n for start, stop in spans for n in range(start, stop)] == list(range(numel))
    assert all(start % 8 == 0 for start, _ in spans)
