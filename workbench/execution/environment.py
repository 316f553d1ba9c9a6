"""What the bits of a run depend on besides its spec."""

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

from workbench import plugins
from workbench.compute import memory
from workbench.engines import ENGINES
from workbench.errors import BadInput
from workbench.files import read_json
from workbench.plugins import Plugin
from workbench.runs.layout import RunFolder
from workbench.runs.spec import RunSpec
from workbench.runs.states import content_digest
from workbench.scores import CRITERIA
from workbench.tasks import SOURCES
from workbench.training import detect_precision, deterministic, device, device_name, model_tensors
from workbench.training.data import TaskData

# Behaviour that earlier versions did not have; a run that was started without it is resumed without it.
CACHED_TEACHER = "cached teacher"
PROPORTIONATE_RACES = "proportionate races"
INTERIM_EVALUATIONS = "interim evaluations"
QUICK_DROPOUT = "quick dropout"
LONG_BATCHES_IN_PARTS = "long batches in parts"
# On a GPU; on a CPU all algorithms are.
DETERMINISTIC = "deterministic algorithms"

_PIN = (
    " On a cluster, keep a store's runs on nodes of one kind: --node ray.io/accelerator-type=KIND with the "
    "executor ray, --slurm constraint=KIND with slurm."
)

_LIBRARIES = ("torch", "transformers", "accelerate", "safetensors", "numpy", "scikit-learn", "scipy")


def current_environment(precision: str, content: dict[str, str]) -> dict:
    """What is recorded when a run folder is created, and kept on a resume.

    Training on a CPU repeats bit for bit at equal thread counts and differs between counts. On a GPU it
    repeats with deterministic algorithms and the same versions of CUDA and cuDNN.

    Args:
        precision: as in the spec; "auto" is resolved here.
        content: digests of what the spec only names: the task's rows, the weights of the model, and those of
            a given dense model.
    """
    practices = [
        CACHED_TEACHER,
        PROPORTIONATE_RACES,
        INTERIM_EVALUATIONS,
        QUICK_DROPOUT,
        LONG_BATCHES_IN_PARTS,
    ]
    versions = {name: version(name) for name in ("pruning-workbench", *_LIBRARIES)}
    if device().type == "cuda":
        practices.append(DETERMINISTIC)
        versions |= {"cuda": torch.version.cuda, "cudnn": str(torch.backends.cudnn.version())}
    return {
        "precision": detect_precision() if precision == "auto" else precision,
        "threads": torch.get_num_threads(),
        "device": device_name(),
        "content": content,
        "practices": practices,
        "processor": _processor(),
        "platform": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": versions,
    }


def machine() -> dict:
    """What measurements of time depend on: processor, cores, memory, threads, versions."""
    environment = current_environment("auto", content={})
    names = ("precision", "threads", "device", "processor", "platform", "python", "versions")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {name: environment[name] for name in names} | {
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "versions": environment["versions"] | {"numba": version("numba")},
    }


def machine_text(machine: dict) -> str:
    """The result of `machine` in one line."""
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} torch threads, "
        f"{machine['memory_gib']} GiB, torch {machine['versions']['torch']}, "
        f"numba {machine['versions']['numba']}"
    )


def required_plugins(spec: RunSpec) -> list[Plugin | None]:
    """The plugins that a spec's engine, criterion and task source come from; None for built-in ones."""
    owners = [ENGINES.owner(spec.engine.id), SOURCES.owner(spec.task.partition("/")[0])]
    criterion = getattr(spec.engine, "criterion", None)
    return [*owners, CRITERIA.owner(criterion)] if criterion else owners


def environment_here(spec: RunSpec, data: TaskData, classifier: nn.Module, dense: str | None = None) -> dict:
    """`current_environment` of a run, with the plugins that it needs.

    Args:
        spec: the run.
        data: its task.
        classifier: the fresh classifier, with the pretrained weights.
        dense: digest of a given dense model.
    """
    content = {"data": data.digest, "weights": content_digest(model_tensors(classifier))}
    if dense is not None:
        content["dense"] = dense
    here = current_environment(spec.precision, content)
    records = plugins.as_records(required_plugins(spec))
    return here | ({"plugins": records} if records else {})


def check_environment(folder: RunFolder, recorded: dict, here: dict) -> None:
    """Compares the environment that a run folder recorded with the current one.

    Raises:
        BadInput: the run was started with other data, weights, hardware, libraries or plugins, so resuming
            would mix two runs.
    """
    plugins.check_records(recorded.get("plugins", ()), f"run {folder.root.name}")
    for name in ("content", "device", "versions"):
        if recorded[name] != here[name]:
            pin = _PIN if name == "device" else ""
            raise BadInput(
                f"run {folder.root.name} was started with another {name}: {recorded[name]}, and here it is "
                f"{here[name]}. Resuming would mix two runs: restore what changed, or delete {folder.root}."
                f"{pin}"
            )


def models_changed(folder: RunFolder, spec: RunSpec) -> bool:
    """Whether a model folder that the spec names has a file that is younger than the run."""
    started = folder.spec.stat().st_mtime_ns
    files = [file for model in (spec.model, spec.dense.model) if model for file in Path(model).glob("*")]
    return any(file.stat().st_mtime_ns > started for file in files)


def check_models(folder: RunFolder, here: dict) -> None:
    """Compares the weights that a complete run was made from with those that its spec names now.

    Raises:
        BadInput: they differ, so that the results are those of another model.
    """
    made_from = read_json(folder.environment)["content"]
    if any(made_from.get(name) != here["content"].get(name) for name in ("weights", "dense")):
        raise BadInput(
            f"run {folder.root.name} was made from other weights than the model folder has now. Give the new "
            f"model a folder of its own, choose another store, or delete {folder.root}."
        )


@contextmanager
def arithmetic(environment: dict) -> Iterator[None]:
    """Makes torch compute as a run folder recorded: its threads, and deterministic algorithms on a GPU.

    Raises:
        BadInput: see `deterministic`.
    """
    practices = environment.get("practices", ())
    with torch_threads(environment["threads"]), deterministic(DETERMINISTIC in practices):
        yield


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
    """Returns freed memory to the system, if the C library is glibc, and to other processes on the GPU.

    Batches of varying length fragment the heap: a process that trained the three-layer MiniLM for 150 steps
    held 2.0 GB before this call and 1.2 GB after, and the call took 0.06 seconds. Memory that sparse layers
    keep for their next batch is returned as well.
    """
    memory.release()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
