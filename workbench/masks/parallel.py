"""Runs kernels that release the GIL on chunks of data in several threads.

A kernel's result must not depend on how its input is divided, so that results are the same for every number
of threads and every chunk size.

The threads are torch's own where its OpenMP library is known. After each of torch's operations these wait for
the next one without leaving their cores, for milliseconds, and threads of another pool would have to share
the cores with them: a second thread made a masked step no quicker.
"""

import ctypes
import functools
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import torch

# Weights per job: small enough to balance threads, large enough to hide the overhead of a job.
CHUNK = 1 << 20


def spans(numel: int) -> list[tuple[int, int]]:
    """Divides `range(numel)` into (start, stop) pairs of at most `CHUNK` entries.

    Every start is a multiple of 8, so no byte of packed bits belongs to two spans.
    """
    return [(start, min(start + CHUNK, numel)) for start in range(0, numel, CHUNK)]


def each(function: Callable[..., Any], jobs: Iterable[tuple], serial: bool = False) -> list:
    """`[function(*job) for job in jobs]`, on as many threads as torch uses.

    The calling thread takes part in the work, so jobs may call `each` themselves, and several threads may
    call it at once. When it returns or raises, no job is running. If several jobs fail, it raises the error
    of the first. With `serial`, the calling thread does all the work.
    """
    jobs = list(jobs)
    results: list = [None] * len(jobs)
    errors: dict[int, BaseException] = {}
    indices = iter(range(len(jobs)))

    def work() -> None:
        try:
            for index in indices:
                try:
                    results[index] = function(*jobs[index])
                except BaseException as error:
                    errors[index] = error
                    break
        finally:
            list(indices)

    threads = 1 if serial else torch.get_num_threads()
    if min(threads, len(jobs)) < 2:
        work()
    elif (call := _gomp_parallel()) and os.getpid() == _PROCESS:
        # A smaller team would end torch's other threads, and its next operation would start them anew.
        call(_TASK(lambda _: work()), None, threads, 0)
    else:
        _with_pool(work, min(threads, len(jobs)))
    if errors:
        raise errors[min(errors)]
    return results


_TASK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
# A forked child inherits a team without its threads, and would wait for them forever.
_PROCESS = os.getpid()


@functools.cache
def _gomp_parallel() -> Callable[..., None] | None:
    """Calls a task on every thread of a team; None where torch comes without GNU's OpenMP library."""
    for path in (Path(torch.__file__).parent / "lib").glob("libgomp*.so*"):
        call = ctypes.CDLL(str(path)).GOMP_parallel
        call.argtypes, call.restype = (_TASK, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint), None
        return call
    return None


def _with_pool(work: Callable[[], None], threads: int) -> None:
    """Calls `work` on threads of a pool and on this one, and waits for them."""
    helpers = [_pool(threads - 1).submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        wait([helper for helper in helpers if not helper.cancel()])


@functools.cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="masks")


os.register_at_fork(after_in_child=_pool.cache_clear)
