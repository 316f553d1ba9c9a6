"""Work in chunks on several threads, for kernels that release the interpreter lock.

What a kernel computes must not depend on how its input is cut, so that results are the same for every
number of threads and every chunk size.
"""

import functools
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import torch

# Weights that one job works on: small enough to balance threads, large enough to hide a job's cost.
CHUNK = 1 << 20


def spans(numel: int) -> list[tuple[int, int]]:
    """Cuts `range(numel)` into (start, stop) pairs of at most `CHUNK` entries.

    Every start is a multiple of 8: no byte of packed bits belongs to two spans.
    """
    return [(start, min(start + CHUNK, numel)) for start in range(0, numel, CHUNK)]


def each(function: Callable[..., Any], jobs: Iterable[tuple], serial: bool = False) -> list:
    """`[function(*job) for job in jobs]`, on as many threads as torch uses.

    The calling thread works too, so that a job may itself call `each`, and several threads may at once.
    When it returns or raises, no job is running; of several errors it raises that of the first job.
    With `serial` the calling thread does all the work.
    """
    jobs = list(jobs)
    results: list = [None] * len(jobs)
    errors: dict[int, BaseException] = {}
    places = iter(range(len(jobs)))

    def work() -> None:
        for place in places:
            try:
                results[place] = function(*jobs[place])
            except BaseException as error:
                errors[place] = error
                list(places)

    threads = 1 if serial else torch.get_num_threads()
    helpers = [_pool(threads - 1).submit(work) for _ in range(min(threads, len(jobs)) - 1)]
    try:
        work()
    finally:
        list(places)
        wait([helper for helper in helpers if not helper.cancel()])
    if errors:
        raise errors[min(errors)]
    return results


@functools.cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="masks")


# A forked child inherits the pool but none of its threads.
os.register_at_fork(after_in_child=_pool.cache_clear)
