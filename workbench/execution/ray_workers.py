"""Workers on a Ray cluster: each is an actor that starts a process on its node (`StageAgent`)."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from torch import nn

from workbench.clusters import agent
from workbench.clusters.ray_cluster import RayCluster, outcome
from workbench.clusters.request import Request, node_variables
from workbench.errors import BadInput
from workbench.execution import stage_process
from workbench.execution.capacity import process_bytes, trains_in_parallel
from workbench.execution.stage_process import PATIENCE_SECONDS, StageAgent
from workbench.execution.workers import Answer
from workbench.runs.layout import RunFolder
from workbench.training import device
from workbench.training.data import TaskData

_POLL_SECONDS = 0.25
_STOP_SECONDS = PATIENCE_SECONDS + 10.0


class RayWorkers:
    """Actors on a Ray cluster, or on one that is started on this machine.

    An actor waits until a node has room for it, and keeps its place until the run ends. It is given an
    assignment only once its process has been started, so that none waits for a node while another actor is
    idle.

    Args:
        address: address of the cluster (`RayCluster`).
        cpus, gpus: resources of each worker (`Request`).
        memory: GiB of memory of each worker; None for an estimate.
        retries: how often an assignment is handed out again after its worker died.
        node: labels that the nodes must have (`RayCluster`).

    Raises:
        BadInput: Ray is not installed, or a value is impossible.
    """

    def __init__(
        self,
        address: str | None = None,
        cpus: int = 1,
        gpus: float = 0.0,
        memory: float | None = None,
        retries: int = 3,
        node: Sequence[str] = (),
    ):
        request = Request(cpus=cpus, gpus=gpus, memory=memory, retries=retries)
        self.threads = request.cpus
        self.retries = request.retries
        self._gpus = request.gpus
        self._cluster = RayCluster(request, address, node, "the executor ray")
        self._actors: dict[int, Any] = {}
        self._starting: dict[Any, int] = {}
        self._idle: list[int] = []
        self._training: dict[Any, int] = {}

    def settle(self, jobs: int | None, widest: int, batch_size: int, data: TaskData, model: nn.Module) -> int:
        """See `Workers.settle`; without a number of jobs, as many as the nodes have room for.

        Raises:
            BadInput: workers would train on another kind of device than this process, nothing answers at the
                address, or no node can meet the request.
        """
        if not trains_in_parallel(widest, "--executor ray"):
            return 0
        if (device().type == "cuda") != (self._gpus > 0):
            raise BadInput(
                f"each worker has {self._gpus:g} GPUs, and this process, which trains the rest of the run, "
                f"trains on {device()}. Give --gpus if this machine has a GPU, and only then."
            )
        self._cluster.connect(memory=round(process_bytes(data, model) / 2**30, 1))
        return min(jobs or self._cluster.room(), widest)

    def start(self, folder: RunFolder, number: int, threads: int) -> None:
        """Asks for an actor, and for a process on its node."""
        actor = self._cluster.actor(StageAgent, [agent, stage_process])
        place = str(folder.root.resolve()), number, node_variables(threads), os.getcwd()
        self._actors[number] = actor
        self._starting[actor.start.remote(*place)] = number

    def idle(self) -> list[int]:
        """Those that have been started and have no assignment."""
        return list(self._idle)

    def give(self, number: int, assignment: Mapping[str, Any]) -> None:
        """Hands an assignment to an idle worker."""
        self._idle.remove(number)
        self._training[self._actors[number].train.remote(assignment)] = number

    def wait(self) -> list[Answer]:
        """The workers that have answered or died, and those whose node does not see the store."""
        import ray

        pending = [*self._starting, *self._training]
        ended, _ = ray.wait(pending, num_returns=1, timeout=_POLL_SECONDS)
        answers = [self._answer(reference) for reference in ended]
        return [answer for answer in answers if answer is not None]

    def end(self) -> None:
        """Asks all workers to stop and waits for those that have a process."""
        import ray

        started = {
            number: actor for number, actor in self._actors.items() if number not in self._starting.values()
        }
        stopping = [actor.stop.remote() for actor in started.values()]
        with suppress(KeyboardInterrupt):
            if stopping:
                ray.wait(stopping, num_returns=len(stopping), timeout=_STOP_SECONDS)
        for actor in self._actors.values():
            ray.kill(actor)
        for known in (self._actors, self._starting, self._idle, self._training):
            known.clear()

    def _answer(self, reference: Any) -> Answer | None:
        """What a worker answered; None if it has only been started."""
        is_new = reference in self._starting
        number = (self._starting if is_new else self._training).pop(reference)
        returned, death = outcome(reference)
        if death:
            del self._actors[number]
            return Answer(number, None, f"died on the cluster ({death})")
        if is_new and returned:
            return Answer(number, {"exit_code": BadInput.exit_code, "message": returned})
        if is_new:
            self._idle.append(number)
            return None
        return self._trained(number, *returned)

    def _trained(self, number: int, value: Mapping[str, Any] | None, death: str, printed: str) -> Answer:
        print(printed, end="", file=sys.stderr, flush=True)
        if death:
            import ray

            ray.kill(self._actors.pop(number))
        else:
            self._idle.append(number)
        return Answer(number, value, death)
