"""Locks between processes that share a store, also from several machines.

They are the operating system's (`flock`), which are released when the process that holds them ends, however
it ends. A store on a file system without them is rejected: the usual substitute, a file that exists while the
lock is held, would outlive a killed process.
"""

import errno
import subprocess
import sys
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from workbench.errors import BadInput

_HELD = 3
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
    """A lock in a file, to be acquired or used in a `with` statement.

    Args:
        path: the file; its folder must exist.
        timeout: seconds to wait while another process holds it; negative for no limit.

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


def excludes(path: str | Path) -> bool | None:
    """Whether a lock that this process holds keeps another process out.

    Args:
        path: a file for the lock; its folder must exist.

    Returns:
        None if another process holds the lock already, perhaps one on another machine.

    Raises:
        BadInput: the file system has no locks.
    """
    try:
        with file_lock(path, timeout=0):
            second = subprocess.run([sys.executable, "-m", __name__, str(path)], check=False)
    except Timeout:
        return None
    return second.returncode == _HELD


def main(path: str) -> int:
    """The second process of `excludes`."""
    try:
        with file_lock(path, timeout=0):
            return 0
    except Timeout:
        return _HELD


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
