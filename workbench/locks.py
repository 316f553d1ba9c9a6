"""Locks between processes that share a store, also from several machines.

They are the operating system's (`flock`), and end with the process that holds them, however it ends. Where a
file system has none, the store is refused: the usual substitute, a file that exists while it is held, would
outlive a killed process.
"""

import errno
import sys
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from workbench.errors import BadInput

_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}


class _StrictLock(FileLock):
    def acquire(self, *arguments: Any, **settings: Any) -> Any:
        try:
            return super().acquire(*arguments, **settings)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            raise BadInput(
                f"the file system of {self.lock_file} has no locks ({error.strerror}), which keep two "
                "processes out of one run. Mount it with locks, or name a --store elsewhere "
                "(docs/scaling.md)."
            ) from error


def file_lock(path: str | Path, timeout: float = -1) -> FileLock:
    """A lock in a file; to be acquired, or used in a `with` statement.

    Args:
        path: the file; its folder must exist.
        timeout: seconds to wait for another holder; negative for any time.

    Raises (when it is acquired):
        filelock.Timeout: it was held for that long.
        BadInput: the file system has no locks.
    """
    return _StrictLock(path, timeout=timeout, fallback_to_soft=False)


def lock_or_wait(path: Path, message: str) -> FileLock:
    """Acquires the lock in a file; prints a message on standard error first if another process holds it."""
    lock = file_lock(path)
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        print(message, file=sys.stderr, flush=True)
        return lock.acquire()
