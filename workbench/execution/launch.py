"""From a spec to a finished run folder."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import torch
from filelock import Timeout

from workbench.errors import BadInput, Stopped, WorkbenchError
from workbench.execution.bench import RunBench
from workbench.execution.capacity import check_jobs
from workbench.execution.computing import check_compute, settled_compute
from workbench.execution.dense import dense_folder, dense_stage, dense_steps
from workbench.execution.dry_run import dry_run
from workbench.execution.environment import (
    arithmetic,
    check_environment,
    check_models,
    models_changed,
    torch_threads,
)
from workbench.execution.models import RunModels
from workbench.execution.parallel import StagePool
from workbench.execution.preparation import Prepared, prepared
from workbench.execution.results import remove_scaffolding, write_results
from workbench.execution.start_mask import StartMask
from workbench.execution.workers import ProcessWorkers, Workers
from workbench.files import disk_trouble, read_json, write_json, write_text
from workbench.locks import file_lock
from workbench.runs.layout import RunFolder, Store
from workbench.runs.run import Run
from workbench.runs.spec import RunSpec
from workbench.training import detect_precision, deterministic, device

_LOCK_SECONDS = 0.5
_WORKER_SECONDS = 60.0


def prune(
    spec: RunSpec,
    store: str | Path = "runs",
    *,
    keep_weights: bool = False,
    compute: str = "auto",
    jobs: int | None = None,
    workers: Workers | None = None,
    yes: bool = False,
) -> Run:
    """Executes a run, or resumes it.

    Args:
        spec: the run. The same spec in the same store is the same run: if it is complete, it is returned at
            once; otherwise it resumes where it stopped and ends with the same bits.
        store: folder of run folders.
        keep_weights: keep the weights of every level in the run folder, to study the space between them.
        compute: how matrices are computed while a mask is fixed: "dense"; "sparse", only with their kept
            weights; or "auto", whichever is faster for each matrix at the typical number of tokens in a
            batch. A resumed run keeps what was recorded when it started.
        jobs: workers that train a race's candidates or a level's particles in parallel, also on one GPU; by
            default 1, or as many as a cluster has room for. Several processes use one thread each and give
            the bits of one; a resumed run keeps its threads.
        workers: the kind of workers (`workers_on`); by default processes of this machine.
        yes: accept a given dense model that is no better than a constant answer.

    Returns:
        The finished run.

    Raises:
        BadInput: the run is not possible; nothing was started.
        Stopped: interrupted, disk full, or loss not finite; the run can be resumed.
    """
    if not isinstance(spec, RunSpec):
        raise BadInput(f"prune takes a RunSpec, not {spec!r}. Give RunSpec(task=..., engine=...).")
    store = Store(store)
    folder = store.run(spec.name)
    if folder.results.exists():
        run = Run(folder.root).check()
        if models_changed(folder, spec):
            check_models(folder, prepared(spec).environment(spec))
        _remove_leftovers(folder, keep_weights)
        return run
    check_jobs(jobs)
    loaded = prepared(spec)
    check_compute(compute, loaded.student)
    plan = dry_run(spec, loaded.data, loaded.student, loaded.given)
    workers = workers or ProcessWorkers()
    size = workers.settle(jobs, plan.widest, spec.engine.batch_size, loaded.data, loaded.student)
    threads = workers.threads if size else torch.get_num_threads()
    if loaded.given and not folder.spec.exists():
        _score_given(spec, loaded, threads, yes)
    with _resumable(folder), _locked(folder):
        if not folder.results.exists():  # another process may have been faster
            with torch_threads(threads):
                environment = _resolved_environment(folder, spec, loaded, compute)
            with _pool(workers, folder, size, environment["threads"]) as pool:
                _carry_out(spec, store, folder, loaded, plan.total, environment, pool)
            remove_scaffolding(folder, keep_weights)
    return Run(folder.root)


def _score_given(spec: RunSpec, loaded: Prepared, threads: int, accept: bool) -> None:
    """Scores a given dense model as the run will, before there is a folder."""
    precision = detect_precision() if spec.precision == "auto" else spec.precision
    with torch_threads(threads), deterministic(device().type == "cuda"):
        loaded.given.check(loaded.data, precision, accept)


def _carry_out(
    spec: RunSpec,
    store: Store,
    folder: RunFolder,
    loaded: Prepared,
    steps: int,
    environment: dict,
    pool: StagePool | None,
) -> None:
    data, classifier, student, given = loaded.data, loaded.classifier, loaded.student, loaded.given
    # What an observer cannot infer: the length of the run, and the folder of its dense model.
    dense = dense_folder(store, spec, environment)
    place = dense.root.relative_to(store.root).as_posix()
    write_json(folder.plan, {"steps": steps, "dense": {"folder": place, "steps": dense_steps(spec, data)}})
    with arithmetic(environment):
        make_dense = partial(dense_stage, store, spec, data, environment, given)
        start = StartMask.of(spec, given and given.model)
        if given:
            make_dense()  # before anything trains, which may be the same model
        models = RunModels(spec, data, classifier, student, make_dense, environment["precision"])
        bench = RunBench(folder, spec, data, models, environment, start, pool)
        final = spec.engine.prune(bench)
        write_results(folder, spec, data, models, environment, bench, final, given and given.about())


@contextmanager
def _resumable(folder: RunFolder) -> Iterator[None]:
    """Says how to resume a run that is interrupted, or for which the disk has no room."""
    try:
        yield
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


@contextmanager
def _pool(workers: Workers, folder: RunFolder, size: int, threads: int) -> Iterator[StagePool | None]:
    """The workers of a run while it is carried out; None if it trains everything in this process."""
    if size == 0:
        yield None
        return
    if threads != workers.threads:
        print(
            f"run {folder.root.name} was started with another number of threads, {threads}, and keeps it in "
            "each of its processes",
            file=sys.stderr,
        )
    pool = StagePool(workers, folder, size, threads)
    try:
        yield pool
    finally:
        pool.close()


def _await_workers(folder: RunFolder) -> None:
    """Waits for the workers of a process that was killed; they end within a training step."""
    for path in folder.worker_locks():
        file_lock(path).acquire(timeout=_WORKER_SECONDS).lock.release()


def _remove_leftovers(folder: RunFolder, keep_weights: bool) -> None:
    """Removes what a process left that was killed when it had written the results of its run."""
    if folder.events_lock.exists():  # which goes last
        # Nobody needs the room at once: not while a process is still at it, nor where nothing can be written.
        with suppress(OSError), file_lock(folder.lock, timeout=0):
            remove_scaffolding(folder, keep_weights)


@contextmanager
def _locked(folder: RunFolder) -> Iterator[None]:
    """Keeps all other processes out of the run folder."""
    try:
        folder.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"the store {folder.root.parent} cannot be written to: {error}. Name another --store."
        ) from error
    lock = file_lock(folder.lock)
    try:
        # A process that checks whether the lock is held holds it for a moment (`sweeps/jobs.py`).
        lock.acquire(timeout=_LOCK_SECONDS)
        _await_workers(folder)
    except Timeout:
        lock.release()
        raise BadInput(
            f"another process is working on {folder.root}. Watch it with `workbench show {folder.root}`, or "
            "wait until it ends; a different --seed or setting makes a separate run."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _resolved_environment(folder: RunFolder, spec: RunSpec, loaded: Prepared, compute: str) -> dict:
    """Writes spec and environment on the first start, and reads them on a resume.

    Raises:
        BadInput: see `check_environment`.
    """
    here = loaded.environment(spec)
    if not folder.spec.exists():
        here["compute"] = settled_compute(compute, here["precision"], loaded.data, loaded.student)
        write_json(folder.environment, here)
        write_text(folder.spec, spec.to_yaml())
    recorded = read_json(folder.environment)
    kept = recorded.get("compute", {"kind": "dense"})["kind"]
    if compute not in ("auto", kept):
        print(f"run {folder.root.name} was started with compute={kept}, and keeps it", file=sys.stderr)
    check_environment(folder, recorded, here)
    return recorded
