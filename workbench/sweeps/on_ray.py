"""The executor `ray`: each run is an actor on a Ray cluster, which may be started on this machine.

An actor has its own process, so Ray reserves the GPUs of a run for it and notices if it dies.
"""

import os
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from workbench import agent as agents
from workbench.agent import Agent
from workbench.errors import BadInput
from workbench.extras import check_extra
from workbench.sweeps.cluster import ClusterExecutor, Request
from workbench.sweeps.executors import add_executor

LOCAL = "local"
_CONNECT_SECONDS = 5.0
_POLL_SECONDS = 0.25
_STOP_SECONDS = 70.0
# Runs do not use Ray's object store, which would otherwise reserve a third of the memory.
_OBJECT_STORE_BYTES = 100 << 20


class RayExecutor(ClusterExecutor):
    """Runs on a Ray cluster.

    Args:
        jobs: largest number of runs at a time; None for as many as the nodes have room for.
        address: HOST:PORT of the cluster, or "auto" for the one that this machine belongs to; None for
            RAY_ADDRESS or else a cluster on this machine that ends with this process.
        cpus, gpus, memory, retries: the resources of each run (`Request`).
        label: labels NAME=VALUE that the nodes must have.

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
        label: Sequence[str] = (),
    ):
        super().__init__(1, Request(cpus=cpus, gpus=gpus, memory=memory, retries=retries))
        self._labels = dict(map(_label, label))
        check_extra("ray", "the executor ray")
        import ray

        self._ray = ray
        ray.cloudpickle.register_pickle_by_value(agents)
        _connect(address or os.environ.get("RAY_ADDRESS") or LOCAL)
        self._most = jobs
        self._check_request()
        self._under_way: dict[Any, tuple[str, Any]] = {}

    @property
    def jobs(self) -> int:
        """Number of runs at a time; by default it follows the nodes that join and leave."""
        return self._most or max(1, sum(self._room(node) for node in self._nodes()))

    @jobs.setter
    def jobs(self, jobs: int) -> None:
        self._most = jobs

    def stop(self) -> None:
        """Asks all runs to stop, waits for them, and kills the remaining ones after a minute."""
        actors = [actor for _, actor in self._under_way.values()]
        stopping = [actor.stop.remote() for actor in actors]
        with suppress(KeyboardInterrupt):
            self._ray.wait([*self._under_way, *stopping], num_returns=2 * len(actors), timeout=_STOP_SECONDS)
        for actor in actors:
            self._ray.kill(actor)
        self._under_way.clear()

    def _submit(self, name: str, agent: Agent) -> None:
        # The second thread is for `stop`. The GPUs are declared with the class and never changed afterwards,
        # because Ray would give a process that exists the GPUs of another.
        actor = (
            self._ray.remote(Agent)
            .options(max_concurrency=2, max_restarts=0, max_task_retries=0, **self._resources())
            .remote(*agent.parts)
        )
        self._under_way[actor.run.remote()] = name, actor

    def _outcomes(self) -> Iterator[tuple[str, tuple[int | None, str]]]:
        if not self._under_way:
            return
        running = list(self._under_way)
        ended, _ = self._ray.wait(running, num_returns=len(running), timeout=_POLL_SECONDS)
        for reference in ended:
            name, _ = self._under_way.pop(reference)
            try:
                outcome = self._ray.get(reference)
            except self._ray.exceptions.RayTaskError as error:
                outcome = 1, f"its agent failed: {error.cause}"
            except self._ray.exceptions.RayError as error:
                outcome = None, f"its process on the cluster died: {_first_sentence(error)}"
            yield name, outcome

    def _resources(self) -> dict[str, Any]:
        request = self._request
        memory = {"memory": int(request.memory * 2**30)} if request.memory else {}
        labels = {"label_selector": self._labels} if self._labels else {}
        return {"num_cpus": request.cpus, "num_gpus": request.gpus} | memory | labels

    def _nodes(self) -> list[dict[str, Any]]:
        """The nodes with the requested labels."""
        nodes = [node for node in self._ray.nodes() if node["Alive"]]
        return [node for node in nodes if self._labels.items() <= node.get("Labels", {}).items()]

    def _room(self, node: Mapping[str, Any]) -> int:
        """The number of runs that fit on a node."""
        has, request = node["Resources"], self._request
        asked = {"CPU": request.cpus, "GPU": request.gpus, "memory": (request.memory or 0) * 2**30}
        return min(int(has.get(name, 0) / amount + 1e-9) for name, amount in asked.items() if amount)

    def _check_request(self) -> None:
        nodes = self._nodes()
        if any(map(self._room, nodes)):
            return
        if not nodes:
            asked = ", ".join(f"{name}={value}" for name, value in self._labels.items())
            raise BadInput(f"no node of the Ray cluster has the label {asked}. `ray list nodes` shows them.")
        cpus, gpus, memory = (
            max(node["Resources"].get(name, 0) for node in nodes) for name in ("CPU", "GPU", "memory")
        )
        raise BadInput(
            f"no node of the Ray cluster has {self._request}, which --cpus, --gpus and --memory ask for a "
            f"run; the most that one of its nodes has is {cpus:g} CPUs, {gpus:g} GPUs and "
            f"{memory / 2**30:.1f} GiB. Ask for less, or add a node."
        )


def _connect(address: str) -> None:
    """Connects this process to a cluster, unless it is connected already.

    Raises:
        BadInput: nothing answers at the address, or Ray cannot start here.
    """
    import ray

    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    settings = {"log_to_driver": False, "logging_level": "CRITICAL"}
    if address == LOCAL:
        settings |= {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
    elif address != "auto":
        _check_address(address)
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address, **settings)
    except Exception as error:
        ray.shutdown()
        what = "Ray could not start here" if address == LOCAL else f"there is no Ray cluster at {address}"
        raise BadInput(f"{what}: {_first_sentence(error)}. docs/scaling.md says how to start one.") from error
    finally:
        signal.signal(signal.SIGTERM, before)  # Ray's handler would end this process without stopping runs


def _check_address(address: str) -> None:
    """Finds out in seconds whether anything is listening there, which takes Ray a minute."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise BadInput(f"--address {address} is neither HOST:PORT, such as 10.0.0.1:6379, nor auto.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise BadInput(
            f"nothing is listening at --address {address} ({error}). Start a cluster with `ray start "
            "--head`, or leave the address out to use only this machine."
        ) from error


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise BadInput(f"--label {text} is not NAME=VALUE, such as ray.io/accelerator-type=H100.")
    return name, value


def _first_sentence(error: BaseException) -> str:
    return " ".join(str(error).split()).partition(". ")[0].rstrip(".") or type(error).__name__


add_executor("ray", RayExecutor)
