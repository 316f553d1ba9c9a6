"""Runs on other machines: shared by the executors for Ray and SLURM."""

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.clusters.agent import Agent
from workbench.clusters.request import Request, node_variables
from workbench.files import appears, write_text
from workbench.runs.layout import Store
from workbench.runs.spec import RunSpec
from workbench.sweeps.executors import RunExit, run_exit
from workbench.sweeps.worker_command import command


@dataclass
class Attempt:
    """A run in progress.

    Attributes:
        agent: the agent that executes it.
        store: the store.
        number: how often it has been started.
    """

    agent: Agent
    store: Store
    number: int = 1


class ClusterExecutor(ABC):
    """Executes runs on other machines, and restarts those whose process or node died.

    An attempt resumes from the run folder. A run that fails by itself, or rejects its input, is not repeated.

    Args:
        jobs: number of runs at a time.
        request: the resources of each run.
    """

    def __init__(self, jobs: int, request: Request):
        self.jobs = jobs
        self.compute, self.yes = "auto", False
        self._request = request
        self._attempts: dict[str, Attempt] = {}

    def start(self, spec: RunSpec, store: Path) -> None:
        """Submits a run. Its output goes to `<store>/logs/<run>.log`."""
        store = Store(Path(store).resolve())
        log = write_text(store.log(spec.name), "")
        variables = node_variables(self._request.cpus)
        _, *arguments = command(spec, store.root, compute=self.compute, yes=self.yes, wait=True)
        self._attempts[spec.name] = Attempt(Agent(arguments, str(log), os.getcwd(), variables), store)
        self._submit(spec.name, self._attempts[spec.name].agent)

    def ended(self) -> list[RunExit]:
        """The runs that ended since the last call; waits briefly if none has."""
        exits = [self._judge(name, *outcome) for name, outcome in list(self._outcomes())]
        return [exit for exit in exits if exit is not None]

    @abstractmethod
    def stop(self) -> None:
        """Ends the runs in progress so that they can be resumed."""

    @abstractmethod
    def _submit(self, name: str, agent: Agent) -> None:
        """Hands an attempt to the cluster."""

    @abstractmethod
    def _outcomes(self) -> Iterator[tuple[str, tuple[int | None, str]]]:
        """The attempts that ended: name, exit code (None if its node or its agent died) and reason."""

    def _judge(self, name: str, code: int | None, reason: str) -> RunExit | None:
        """How a run ended; None if it is restarted."""
        attempt = self._attempts[name]
        log = attempt.store.log(name)
        died = code is None or code < 0
        if died and attempt.number <= self._request.retries:
            exit = run_exit(name, code, log, reason)
            attempt.number += 1
            again = f"attempt {attempt.number} of {self._request.retries + 1} resumes it"
            print(f"{name}: {exit.reason}; {again}", file=sys.stderr, flush=True)
            self._submit(name, attempt.agent)
            return None
        del self._attempts[name]
        if code == 0 and not appears(attempt.store.run(name).results):
            return RunExit(name, 3, f"it is done on its node, but {attempt.store.root} does not show it here")
        exit = run_exit(name, code, log, reason)
        return RunExit(name, 1, f"{exit.reason}, {attempt.number} times") if died else exit
