"""From a spec to a finished run folder."""

from contextlib import contextmanager
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout
from torch import nn

from workbench.errors import BadInput, Stopped, WorkbenchError
from workbench.files import disk_trouble, read_json, write_json, write_text
from workbench.masks import kept_count
from workbench.models import load_encoder, prunable
from workbench.runs.bench import StoreBench
from workbench.runs.data import TaskData
from workbench.runs.dense import dense_root, dense_stage, dense_steps
from workbench.runs.environment import current_environment, torch_threads
from workbench.runs.plan import planned_steps
from workbench.runs.results import drop_scaffolding, write_results
from workbench.runs.run import Run
from workbench.runs.spec import RunSpec
from workbench.runs.tensors import content_digest
from workbench.tasks import load_task
from workbench.training import model_tensors

_GLANCE_SECONDS = 0.5


def prune(spec: RunSpec, store: str | Path = "runs", *, keep_weights: bool = False) -> Run:
    """Carries out a run, or what is left of it.

    Args:
        spec: what to do. The same spec in the same store is the same run: a complete one is returned
            at once, an incomplete one goes on where it stopped and ends with the same bits.
        store: folder of run folders.
        keep_weights: leave the weights of every level in the run folder, to look at the space between them.

    Returns:
        The finished run.

    Raises:
        BadInput: something that was asked for does not exist or cannot be; nothing was started.
        Stopped: interrupted, disk full, or loss not finite; the run can be gone on with.
    """
    store = Path(store)
    root = store / spec.name
    if (root / "results.json").exists():
        return Run(root)
    task = load_task(spec.task)
    model = load_encoder(spec.model, task.num_outputs, spec.seed)
    _check_that_something_is_kept(spec, model)
    spec.engine.check(model)
    data = TaskData(task, spec.model, spec.seed, spec.selection, spec.examples)
    student = spec.engine.adapt(model, task, data.tokenizer)
    steps = planned_steps(spec, data, student)
    try:
        with _owned(root):
            if not (root / "results.json").exists():  # another process may have been quicker
                _carry_out(spec, store, root, data, model, student, steps)
                drop_scaffolding(root, keep_weights)
    except KeyboardInterrupt:
        raise Stopped(
            f"interrupted. What was done is kept in {root}; run the same command to go on."
        ) from None
    except WorkbenchError:
        raise
    except Exception as error:
        if reason := disk_trouble(error):
            raise Stopped(
                f"could not write to {root}: {reason}. What was saved is intact; free some space, then "
                "run the same command to go on."
            ) from error
        raise
    return Run(root)


def _carry_out(
    spec: RunSpec,
    store: Path,
    root: Path,
    data: TaskData,
    model: nn.Module,
    student: nn.Module,
    steps: int,
) -> None:
    environment = _settled_environment(root, spec, data, model)
    # What a watcher cannot work out: how long the run is, and where its dense model is.
    folder = dense_root(store, spec, environment).relative_to(store)
    about = {"folder": folder.as_posix(), "steps": dense_steps(spec, data)}
    write_json(root / "plan.json", {"steps": steps, "dense": about})
    with torch_threads(environment["threads"]):
        dense = partial(dense_stage, store, spec, data, environment)
        bench = StoreBench(root, spec, data, model, student, dense, environment["precision"])
        final = spec.engine.prune(bench)
        write_results(bench, spec, data, environment, final)


@contextmanager
def _owned(root: Path):
    """Makes the run folder this process's own for a while."""
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"the store {root.parent} cannot be written to: {error}. Name another --store."
        ) from error
    lock = FileLock(root / ".lock")
    try:
        # Whoever looks whether it is held holds it for a moment (`runs/jobs.py`).
        lock.acquire(timeout=_GLANCE_SECONDS)
    except Timeout:
        raise BadInput(
            f"another process is at work on {root}. Watch it with `workbench show {root}`, or wait until it "
            "ends; a different --seed or setting makes a run of its own."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _settled_environment(root: Path, spec: RunSpec, data: TaskData, model: nn.Module) -> dict:
    """Writes spec and environment down on the first start; on a resume, what was written counts.

    Raises:
        BadInput: the run was started with other data, weights, hardware or libraries, so that going on
            would mix two runs.
    """
    content = {"data": data.digest, "weights": content_digest(model_tensors(model))}
    here = current_environment(spec.precision, content)
    if not (root / "spec.yaml").exists():
        write_json(root / "environment.json", here)
        write_text(root / "spec.yaml", spec.to_yaml())
    settled = read_json(root / "environment.json")
    for name in ("content", "device", "versions"):
        if settled[name] != here[name]:
            raise BadInput(
                f"run {root.name} was started with another {name}: {settled[name]}, and here it is "
                f"{here[name]}. Going on would mix two runs: put back what changed, or delete {root}."
            )
    return settled


def _check_that_something_is_kept(spec: RunSpec, model: nn.Module) -> None:
    for name, weight in prunable(model).items():
        if kept_count(weight.numel(), spec.engine.sparsity) == 0:
            raise BadInput(
                f"sparsity {spec.engine.sparsity} keeps none of the {weight.numel()} weights of {name}; "
                f"{1 - 1 / weight.numel():.6g} keeps one."
            )
