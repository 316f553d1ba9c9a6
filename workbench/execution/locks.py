"""Locks between processes that share a store."""

import sys
from pathlib import Path

from filelock import FileLock, Timeout


def lock_or_wait(path: Path, message: str) -> FileLock:
    """Acquires the lock in a file; prints a message on standard error first if another process holds it."""
    lock = FileLock(path)
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        print(message, file=sys.stderr, flush=True)
        return lock.acquire()
