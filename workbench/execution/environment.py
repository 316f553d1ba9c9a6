"""What a run's bits depend on besides its spec."""

import ctypes
import platform
import sys
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import torch

from workbench.engines import ENGINES
from workbench.plugins import Plugin
from workbench.runs.spec import RunSpec
from workbench.scores import CRITERIA
from workbench.tasks import SOURCES
from workbench.training import detect_precision, device_name

# What runs do that earlier versions did not; a run that was started without one goes on without it.
CACHED_TEACHER = "cached teacher"
PROPORTIONATE_RACES = "proportionate races"

_LIBRARIES = ("torch", "transformers", "accelerate", "safetensors", "numpy", "scikit-learn", "scipy")


def current_environment(precision: str, content: dict[str, str]) -> dict:
    """What is recorded when a run folder is made, and kept on resume.

    Training on a CPU repeats bit for bit at equal thread counts and differs between counts.

    Args:
        precision: the spec's; "auto" is resolved here.
        content: digests of what the spec only names: the task's rows and the model's weights.
    """
    return {
        "precision": detect_precision() if precision == "auto" else precision,
        "threads": torch.get_num_threads(),
        "device": device_name(),
        "content": content,
        "practices": [CACHED_TEACHER, PROPORTIONATE_RACES],
        "processor": _processor(),
        "platform": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {"pruning-workbench": version("pruning-workbench")}
        | {name: version(name) for name in _LIBRARIES},
    }


def required_plugins(spec: RunSpec) -> list[Plugin | None]:
    """The plugins that a spec's engine, criterion and task source come from; None for built-in ones."""
    owners = [ENGINES.owner(spec.engine.id), SOURCES.owner(spec.task.partition("/")[0])]
    criterion = getattr(spec.engine, "criterion", None)
    return [*owners, CRITERIA.owner(criterion)] if criterion else owners


@contextmanager
def torch_threads(count: int):
    """Sets torch's intra-operation thread count for a block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def release_memory() -> None:
    """Returns freed memory to the system, if the C library is glibc.

    Batches of varying length leave holes that it would keep: a process that trained the three-layer MiniLM
    for 150 steps held 2.0 GB before this and 1.2 GB after, and it took 0.06 seconds.
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
