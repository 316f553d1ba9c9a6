"""Runs kernels that release the GIL on chunks of data in several threads.

A kernel's result must not depend on how its input is divided, so that results are the same for every number
of threads and every chunk size.
"""

import functools
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
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
        for index in indices:
            try:
                results[index] = function(*jobs[index])
            except BaseException as error:
                errors[index] = error
                list(indices)

    threads = 1 if serial else torch.get_num_threads()
    helpers = [_pool(threads - 1).submit(work) for _ in range(min(threads, len(jobs)) - 1)]
    try:
        work()
    finally:
        list(indices)
        wait([helper for helper in helpers if not helper.cancel()])
    if errors:
        raise errors[min(errors)]
    return results


@functools.cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="masks")


# A forked child inherits the pool but not its threads.
os.register_at_fork(after_in_child=_pool.cache_clear)
