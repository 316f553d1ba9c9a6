"""What a cluster executes: an agent that starts the process of a run on its node and waits for it.

It imports only the standard library, so it starts at once and takes little memory next to its run. The run is
`python -m workbench.sweeps.worker`, whose exit codes have the same meaning everywhere.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# An interrupted run has this long to end by itself; its last checkpoint is safe in any case.
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.2


class Agent:
    """One attempt at a run.

    Args:
        command: the command line of the worker, without the Python interpreter.
        log: an existing file that the output of the run is appended to.
        folder: the working directory.
        variables: environment variables of the run.

    Attributes:
        parts: the arguments.
    """

    def __init__(self, command: Sequence[str], log: str, folder: str, variables: Mapping[str, str]):
        self.parts = command, log, folder, variables
        self._process: subprocess.Popen | None = None

    def run(self) -> tuple[int, str]:
        """Executes the run.

        Returns:
            The exit code of the process, negative for the signal that killed it; and a reason, empty if it is
            in the log.
        """
        command, log, folder, variables = self.parts
        if refusal := unseen(log, folder):
            return 2, refusal
        # A batch system announces the end by a signal to all processes, and this one passes it on.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGUSR2})
        try:
            with open(log, "a") as output:
                self._process = subprocess.Popen(
                    [sys.executable, *command],
                    stdin=subprocess.PIPE,  # the run stops when this process ends, for whatever reason
                    stdout=output,
                    stderr=output,
                    cwd=folder,
                    env=os.environ | variables,
                    start_new_session=True,
                )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        while self._process.poll() is None:  # not `wait`, whose lock a signal handler could not take
            time.sleep(_POLL_SECONDS)
        self._process.stdin.close()
        return self._process.returncode, ""

    __call__ = run

    def stop(self) -> None:
        """Ends the run so that it can be resumed, or kills it after a minute."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        if process.poll() is None:
            process.kill()

    def checkpoint(self):
        """Called by submitit shortly before the time limit or a preemption.

        Returns:
            What the requeued job executes: the same run, which then resumes.
        """
        from submitit.helpers import DelayedSubmission

        self.stop()
        return DelayedSubmission(Agent(*self.parts))


def unseen(*paths: str) -> str:
    """A sentence if this node does not see one of some paths; otherwise empty."""
    for path in paths:
        if not Path(path).exists():
            return (
                f"node {os.uname().nodename} does not see {path}. Put the store and the working directory "
                "on a file system that all nodes share."
            )
    return ""
