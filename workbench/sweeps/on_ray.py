"""The executor `ray`: each run is an actor on a Ray cluster, which may be started on this machine."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from workbench.clusters import agent as agents
from workbench.clusters.agent import Agent
from workbench.clusters.ray_cluster import RayCluster, outcome
from workbench.clusters.request import Request
from workbench.sweeps.cluster import ClusterExecutor
from workbench.sweeps.executors import add_executor

_POLL_SECONDS = 0.25
_STOP_SECONDS = 70.0


class RayExecutor(ClusterExecutor):
    """Runs on a Ray cluster.

    Args:
        jobs: largest number of runs at a time; None for as many as the nodes have room for.
        address: address of the cluster (`RayCluster`).
        cpus, gpus, memory, retries: the resources of each run (`Request`).
        node: labels that the nodes must have (`RayCluster`).

    Raises:
        BadInput: Ray is not installed, nothing answers at the address, or no node can meet the request.
    """

    def __init__(
        self,
        jobs: int | None = None,
        address: str | None = None,
        cpus: int = 1,
        gpus: float = 0.0,
        memory: float | None = None,
        retries: int = 3,
        node: Sequence[str] = (),
    ):
        super().__init__(1, Request(cpus=cpus, gpus=gpus, memory=memory, retries=retries))
        self._cluster = RayCluster(self._request, address, node, "the executor ray")
        self._cluster.connect()
        self._most = jobs
        self._under_way: dict[Any, tuple[str, Any]] = {}

    @property
    def jobs(self) -> int:
        """Number of runs at a time; by default it follows the nodes that join and leave."""
        return self._most or max(1, self._cluster.room())

    @jobs.setter
    def jobs(self, jobs: int) -> None:
        self._most = jobs

    def stop(self) -> None:
        """Asks all runs to stop, waits for them, and kills the remaining ones after a minute."""
        import ray

        actors = [actor for _, actor in self._under_way.values()]
        stopping = [actor.stop.remote() for actor in actors]
        with suppress(KeyboardInterrupt):
            ray.wait([*self._under_way, *stopping], num_returns=2 * len(actors), timeout=_STOP_SECONDS)
        for actor in actors:
            ray.kill(actor)
        self._under_way.clear()

    def _submit(self, name: str, agent: Agent) -> None:
        actor = self._cluster.actor(Agent, [agents], *agent.parts)
        self._under_way[actor.run.remote()] = name, actor

    def _outcomes(self) -> Iterator[tuple[str, tuple[int | None, str]]]:
        import ray

        if not self._under_way:
            return
        running = list(self._under_way)
        ended, _ = ray.wait(running, num_returns=len(running), timeout=_POLL_SECONDS)
        for reference in ended:
            name, _ = self._under_way.pop(reference)
            try:
                exit, death = outcome(reference)
            except RuntimeError as defect:
                exit, death = (1, str(defect)), ""
            yield name, (None, f"its process on the cluster died: {death}") if death else exit


add_executor("ray", RayExecutor)
