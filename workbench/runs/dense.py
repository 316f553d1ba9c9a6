"""The dense fine-tuned model, made once for all runs of a store that would make the same one."""

import sys
from pathlib import Path

from filelock import FileLock, Timeout
from torch import nn

from workbench.files import write_json
from workbench.models import load_encoder
from workbench.runs.data import TaskData
from workbench.runs.events import EventLog
from workbench.runs.fit import Fit
from workbench.runs.spec import RunSpec, content_hash
from workbench.runs.stage import StageFolder
from workbench.schedules import Linear
from workbench.settings import to_plain
from workbench.training import Distillation, MaskedTrainer, Recipe

_STAGE = "dense"


def dense_stage(store: Path, spec: RunSpec, data: TaskData, environment: dict) -> StageFolder:
    """The finished stage, in `store/shared/dense-<hash>/`.

    A second process that needs the same stage waits for the first.
    """
    identity = _identity(spec, environment)
    root = dense_root(store, spec, environment)
    folder = StageFolder(root, _STAGE)
    if folder.record is None:
        root.mkdir(parents=True, exist_ok=True)
        with _wait_for(root):
            if folder.record is None:
                write_json(root / "identity.json", identity)
                _fine_tune(root, folder, spec, data, environment["precision"])
    return folder


def dense_root(store: Path, spec: RunSpec, environment: dict) -> Path:
    """The stage's folder.

    The hash covers all that decides its bits: task and model with digests of their content, seed, splits,
    examples, the fine-tuning's settings, and precision, threads and device.
    """
    return store / "shared" / f"dense-{content_hash(_identity(spec, environment))}"


def dense_steps(spec: RunSpec, data: TaskData) -> int:
    """Optimizer steps of the fine-tuning."""
    return data.steps(spec.dense.epochs, spec.dense.batch_size)


def _identity(spec: RunSpec, environment: dict) -> dict:
    identity = {
        "task": spec.task,
        "model": spec.model,
        "seed": spec.seed,
        "selection": spec.selection,
        "dense": to_plain(spec.dense, changed_only=True),
        **{name: environment[name] for name in ("precision", "threads", "device", "content")},
    }
    if spec.examples is not None:
        identity["examples"] = spec.examples
    return identity


def _fine_tune(root: Path, folder: StageFolder, spec: RunSpec, data: TaskData, precision: str) -> None:
    model = load_encoder(spec.model, data.task.num_outputs, spec.seed)
    key = (spec.seed, _STAGE)
    recipe = _recipe(spec, data, model)
    trainer = MaskedTrainer(model, recipe, key=key, precision=precision)
    fit = Fit(folder, trainer, data, key, EventLog(root / "events.jsonl"), leaves="weights")
    fit.run()
    fit.finish()


def _recipe(spec: RunSpec, data: TaskData, model: nn.Module) -> Recipe:
    settings = spec.dense
    usual = 1e-3 if data.task.modality == "images" else 5e-5 * 768 / model.config.hidden_size
    return Recipe(
        steps=dense_steps(spec, data),
        lr=settings.lr or usual,
        schedule=Linear(warmup=settings.warmup),
        batch_size=settings.batch_size,
        eval_every=settings.eval_every,
        distillation=Distillation(mode="none"),
    )


def _wait_for(root: Path) -> FileLock:
    lock = FileLock(root / ".lock")
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        print(f"another run is making the dense model in {root}; waiting for it", file=sys.stderr, flush=True)
        return lock.acquire()
