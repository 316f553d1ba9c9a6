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
CHUNK = 1 << 18


def spans(numel: int) -> list[tuple[int, int]]:
    """Cuts `range(numel)` into (start, stop) pairs of at most `CHUNK` entries.

    Every start is a multiple of 8: no byte of packed bits belongs to two spans.
    """
    return [(start, min(start + CHUNK, numel)) for start in range(0, numel, CHUNK)]


def each(function: Callable[..., Any], jobs: Iterable[tuple]) -> list:
    """`[function(*job) for job in jobs]`, on as many threads as torch uses.

    Safe in forked processes and when called from several threads. When it returns or raises, no job
    is running. A job must not itself call `each`.
    """
    jobs = list(jobs)
    workers = min(torch.get_num_threads(), len(jobs))
    if workers <= 1:
        return [function(*job) for job in jobs]
    futures = [_pool(torch.get_num_threads()).submit(function, *job) for job in jobs]
    try:
        return [future.result() for future in futures]
    finally:
        for future in futures:
            future.cancel()
        wait(futures)


@functools.cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="masks")


# A forked child inherits the pool but none of its threads.
os.register_at_fork(after_in_child=_pool.cache_clear)
