"""A process that trains stages (`stage_worker.py`) as the process that started it sees it, here or on a node.

It imports only the standard library beside the agent of runs, so that a node of a cluster gets it by value.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from typing import IO, Any

from workbench.clusters.agent import unseen

# A worker has this long to end by itself; its last checkpoint is safe in any case.
PATIENCE_SECONDS = 60.0


class StageProcess:
    """One process, which takes one assignment at a time.

    Args:
        folder: the run.
        number: one that no other process of the run has, or had before in the same pool.
        variables: environment variables beside those of this process.
        relay: is given each line that the process prints.
        directory: its working directory; by default this process's.
    """

    def __init__(
        self,
        folder: str,
        number: int,
        variables: Mapping[str, str],
        relay: Callable[[str], Any],
        directory: str | None = None,
    ):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workbench.execution.stage_worker", folder, str(number)],
            stdin=subprocess.PIPE,  # the process stops when this one ends, for whatever reason
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,  # no terminal, hence no progress bar
            cwd=directory,
            env=os.environ | variables,
            start_new_session=True,  # Ctrl-C reaches only its parent, which then stops it
        )
        self._printing = Thread(target=_relay, args=(self._process.stderr, relay), daemon=True)
        self._printing.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def answers(self) -> IO[bytes]:
        """Can be read when there is an answer, or the process has ended."""
        return self._process.stdout

    def give(self, assignment: Mapping[str, Any]) -> None:
        """Hands it an assignment; a process that is dead is noticed when its answer is due."""
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(assignment).encode() + b"\n")
            self._process.stdin.flush()

    def answer(self) -> tuple[dict[str, Any] | None, str]:
        """Waits for its answer.

        Returns:
            The answer, and an empty string; or None, and how the process died.
        """
        line = self._process.stdout.readline()
        if line.endswith(b"\n"):
            return json.loads(line), ""
        code = self._process.wait()
        self._printing.join(timeout=1.0)
        return None, f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def stop(self) -> None:
        """Ends its input, which it takes as a request to stop."""
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def wait(self, seconds: float) -> None:
        """Waits until it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not within that time.
        """
        self._process.wait(timeout=max(0.0, seconds))

    def discard(self) -> None:
        """Kills it if it has not ended, and closes what is left of it."""
        self._process.kill()
        self._process.wait()
        self.stop()
        self._process.stdout.close()


class StageAgent:
    """What a node of a cluster runs: it starts a process there, and passes assignments and answers on."""

    def __init__(self):
        self._process: StageProcess | None = None
        self._printed: list[str] = []

    def start(self, folder: str, number: int, variables: Mapping[str, str], directory: str) -> str:
        """Starts the process; the arguments are those of `StageProcess`.

        Returns:
            A sentence if the node cannot see the run folder or the directory; otherwise empty.
        """
        if not (refusal := unseen(folder, directory)):
            self._process = StageProcess(folder, number, variables, self._printed.append, directory)
        return refusal

    def train(self, assignment: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str, str]:
        """Has an assignment carried out.

        Returns:
            What `StageProcess.answer` does, and what the process has printed since the last answer.
        """
        self._process.give(assignment)
        answer, death = self._process.answer()
        printed, self._printed[:] = "".join(self._printed), []
        return answer, death, printed

    def stop(self) -> None:
        """Ends the process so that its stage can be resumed, or kills it after a minute."""
        if self._process is not None:
            self._process.stop()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE_SECONDS)
            self._process.discard()


def _relay(stream: IO[bytes], relay: Callable[[str], Any]) -> None:
    """Passes on what a process prints, whole lines at a time."""
    with stream:
        for line in stream:
            relay(line.decode(errors="replace"))
