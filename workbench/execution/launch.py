"""From a spec to a finished run folder."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout
from torch import nn

from workbench import plugins
from workbench.errors import BadInput, Stopped, WorkbenchError
from workbench.execution.bench import RunBench
from workbench.execution.computing import check_compute, settled_compute
from workbench.execution.dense import dense_folder, dense_stage, dense_steps
from workbench.execution.dry_run import planned_steps
from workbench.execution.environment import current_environment, required_plugins, torch_threads
from workbench.execution.models import RunModels
from workbench.execution.results import remove_scaffolding, write_results
from workbench.files import disk_trouble, read_json, write_json, write_text
from workbench.masks import kept_count
from workbench.models import load_encoder, prunable
from workbench.runs.layout import RunFolder, Store
from workbench.runs.run import Run
from workbench.runs.spec import RunSpec
from workbench.runs.states import content_digest
from workbench.tasks import load_task
from workbench.training import model_tensors
from workbench.training.data import TaskData

_LOCK_SECONDS = 0.5


def prune(
    spec: RunSpec, store: str | Path = "runs", *, keep_weights: bool = False, compute: str = "auto"
) -> Run:
    """Carries out a run, or what remains of it.

    Args:
        spec: what to do. The same spec in the same store is the same run: a complete one is returned
            at once, an incomplete one resumes where it stopped and ends with the same bits.
        store: folder of run folders.
        keep_weights: leave the weights of every level in the run folder, to study the space between them.
        compute: how matrices are computed while a mask is fixed: "dense"; "sparse", with their kept weights
            alone; or "auto", whichever is quicker for each matrix at the usual number of tokens in a batch. A
            run that was started before keeps what was recorded then.

    Returns:
        The finished run.

    Raises:
        BadInput: something that was asked for does not exist or is impossible; nothing was started.
        Stopped: interrupted, disk full, or loss not finite; the run can be resumed.
    """
    store = Store(store)
    folder = store.run(spec.name)
    if folder.results.exists():
        return Run(folder.root).check()
    task = load_task(spec.task)
    classifier = load_encoder(spec.model, task.num_outputs, spec.seed)
    _check_that_something_is_kept(spec, classifier)
    spec.engine.check(classifier)
    data = TaskData(task, spec.model, spec.seed, spec.selection, spec.examples)
    student = spec.engine.adapt(classifier, task, data.tokenizer)
    check_compute(compute, student)
    steps = planned_steps(spec, data, student)
    try:
        with _locked(folder):
            if not folder.results.exists():  # another process may have been faster
                _carry_out(spec, store, folder, data, classifier, student, steps, compute)
                remove_scaffolding(folder, keep_weights)
    except KeyboardInterrupt:
        raise Stopped(
            f"interrupted. What was done is kept in {folder.root}; run the same command to resume."
        ) from None
    except WorkbenchError:
        raise
    except Exception as error:
        if reason := disk_trouble(error):
            raise Stopped(
                f"could not write to {folder.root}: {reason}. What was saved is intact; free some space, "
                "then run the same command to resume."
            ) from error
        raise
    return Run(folder.root)


def _carry_out(
    spec: RunSpec,
    store: Store,
    folder: RunFolder,
    data: TaskData,
    classifier: nn.Module,
    student: nn.Module,
    steps: int,
    compute: str,
) -> None:
    environment = _resolved_environment(folder, spec, data, classifier, student, compute)
    # What an observer cannot work out: how long the run is, and where its dense model is.
    dense = dense_folder(store, spec, environment)
    place = dense.root.relative_to(store.root).as_posix()
    write_json(folder.plan, {"steps": steps, "dense": {"folder": place, "steps": dense_steps(spec, data)}})
    with torch_threads(environment["threads"]):
        make_dense = partial(dense_stage, store, spec, data, environment)
        models = RunModels(spec, data, classifier, student, make_dense, environment["precision"])
        bench = RunBench(folder, spec, data, models, environment)
        final = spec.engine.prune(bench)
        write_results(folder, spec, data, models, environment, bench, final)


@contextmanager
def _locked(folder: RunFolder) -> Iterator[None]:
    """Keeps every other process out of the run folder for a while."""
    try:
        folder.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"the store {folder.root.parent} cannot be written to: {error}. Name another --store."
        ) from error
    lock = FileLock(folder.lock)
    try:
        # A process that checks whether the lock is held holds it for a moment (`sweeps/jobs.py`).
        lock.acquire(timeout=_LOCK_SECONDS)
    except Timeout:
        raise BadInput(
            f"another process is at work on {folder.root}. Watch it with `workbench show {folder.root}`, or "
            "wait until it ends; a different --seed or setting makes a separate run."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _resolved_environment(
    folder: RunFolder,
    spec: RunSpec,
    data: TaskData,
    classifier: nn.Module,
    student: nn.Module,
    compute: str,
) -> dict:
    """Writes spec and environment on the first start; on a resume, what was written then counts.

    Raises:
        BadInput: the run was started with other data, weights, hardware, libraries or plugins, so that
            resuming would mix two runs.
    """
    content = {"data": data.digest, "weights": content_digest(model_tensors(classifier))}
    here = current_environment(spec.precision, content)
    if records := plugins.as_records(required_plugins(spec)):
        here["plugins"] = records
    if not folder.spec.exists():
        here["compute"] = settled_compute(compute, here["precision"], data, student)
        write_json(folder.environment, here)
        write_text(folder.spec, spec.to_yaml())
    recorded = read_json(folder.environment)
    kept = recorded.get("compute", {"kind": "dense"})["kind"]
    if compute not in ("auto", kept):
        print(f"run {folder.root.name} was started with compute={kept}, and keeps it", file=sys.stderr)
    plugins.check_records(recorded.get("plugins", ()), f"run {folder.root.name}")
    for name in ("content", "device", "versions"):
        if recorded[name] != here[name]:
            raise BadInput(
                f"run {folder.root.name} was started with another {name}: {recorded[name]}, and here it is "
                f"{here[name]}. Resuming would mix two runs: restore what changed, or delete {folder.root}."
            )
    return recorded


def _check_that_something_is_kept(spec: RunSpec, classifier: nn.Module) -> None:
    for name, weight in prunable(classifier).items():
        if kept_count(weight.numel(), spec.engine.sparsity) == 0:
            raise BadInput(
                f"sparsity {spec.engine.sparsity} keeps none of the {weight.numel()} weights of {name}; "
                f"{1 - 1 / weight.numel():.6g} keeps one."
            )
