"""A Ray cluster: how this process joins or starts one, and which of its nodes can meet a request."""

import os
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

from workbench.clusters.request import Request
from workbench.errors import BadInput
from workbench.extras import check_extra

_LOCAL = "local"
_CONNECT_SECONDS = 5.0
# Nothing here uses Ray's object store, which would otherwise reserve a third of the memory.
_OBJECT_STORE_BYTES = 100 << 20


class RayCluster:
    """The nodes of a Ray cluster for processes that all request the same.

    Args:
        request: the resources of each process.
        address: HOST:PORT of the cluster, or "auto" for the one that this machine belongs to; None for
            RAY_ADDRESS or else a cluster on this machine that ends with this process.
        node: labels NAME=VALUE that the nodes must have.
        purpose: what needs Ray, as the subject of a sentence.

    Raises:
        BadInput: Ray is not installed, or a label is not NAME=VALUE.
    """

    def __init__(self, request: Request, address: str | None, node: Sequence[str], purpose: str):
        self._given = self._request = request
        self._address = address
        self._labels = dict(map(_label, node))
        check_extra("ray", purpose)

    def connect(self, memory: float | None = None) -> None:
        """Connects this process, unless it is connected already, and compares the request with the nodes.

        Args:
            memory: GiB to request if the request has no memory.

        Raises:
            BadInput: nothing answers at the address, Ray cannot start here, or no node can meet the request.
        """
        self._request = self._given if self._given.memory else replace(self._given, memory=memory)
        _connect(self._address or os.environ.get("RAY_ADDRESS") or _LOCAL)
        self._check_request()

    def actor(self, kind: type, modules: Sequence[ModuleType], *arguments: Any) -> Any:
        """A new actor, which waits until a node has room for it.

        An actor has its own process, so Ray reserves its GPUs for it and notices if it dies. It executes two
        calls at a time: one that works, and one that stops it.

        Args:
            kind: its class.
            modules: the modules that define it, which are sent to the node.
            arguments: arguments of its constructor.
        """
        import ray

        for module in modules:
            ray.cloudpickle.register_pickle_by_value(module)
        # The GPUs are declared with the class and never changed afterwards, because Ray would give a process
        # that exists the GPUs of another.
        options = {"max_concurrency": 2, "max_restarts": 0, "max_task_retries": 0} | self._resources()
        return ray.remote(kind).options(**options).remote(*arguments)

    def room(self) -> int:
        """The number of processes that fit on the present nodes."""
        return sum(map(self._room, self._nodes()))

    def _resources(self) -> dict[str, Any]:
        request = self._request
        memory = {"memory": int(request.memory * 2**30)} if request.memory else {}
        labels = {"label_selector": self._labels} if self._labels else {}
        return {"num_cpus": request.cpus, "num_gpus": request.gpus} | memory | labels

    def _nodes(self) -> list[dict[str, Any]]:
        """The nodes with the requested labels."""
        import ray

        nodes = [node for node in ray.nodes() if node["Alive"]]
        return [node for node in nodes if self._labels.items() <= node.get("Labels", {}).items()]

    def _room(self, node: Mapping[str, Any]) -> int:
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
            f"no node of the Ray cluster has {self._request}, which --cpus, --gpus and --memory ask for; the "
            f"most that one of its nodes has is {cpus:g} CPUs, {gpus:g} GPUs and {memory / 2**30:.1f} GiB of "
            "memory. Ask for less, or add a node."
        )


def outcome(reference: Any) -> tuple[Any, str]:
    """What a call to an actor returned.

    Returns:
        The value, and an empty string; or None, and how the actor's process or its node died.

    Raises:
        RuntimeError: the call itself failed; a defect.
    """
    import ray

    try:
        return ray.get(reference), ""
    except ray.exceptions.RayTaskError as error:
        raise RuntimeError(f"its agent failed: {error.cause}") from error
    except ray.exceptions.RayError as error:
        return None, first_sentence(error)


def first_sentence(error: BaseException) -> str:
    """The first sentence of an error in one line, without its full stop."""
    return " ".join(str(error).split()).partition(". ")[0].rstrip(".") or type(error).__name__


def _connect(address: str) -> None:
    import ray

    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    settings = {"log_to_driver": False, "logging_level": "CRITICAL"}
    if address == _LOCAL:
        settings |= {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
    elif address != "auto":
        _check_address(address)
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address, **settings)
    except Exception as error:
        ray.shutdown()
        what = "Ray could not start here" if address == _LOCAL else f"there is no Ray cluster at {address}"
        raise BadInput(f"{what}: {first_sentence(error)}. docs/scaling.md says how to start one.") from error
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
        raise BadInput(f"--node {text} is not NAME=VALUE, such as ray.io/accelerator-type=H100.")
    return name, value
