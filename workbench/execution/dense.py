"""The dense fine-tuned model, made once for all runs of a store that would make the same one."""

from torch import nn

from workbench.execution.environment import release_memory
from workbench.execution.locks import lock_or_wait
from workbench.execution.stage_training import Output, StageTraining
from workbench.files import write_json
from workbench.models import load_encoder
from workbench.runs.events import EventLog
from workbench.runs.layout import RunFolder, Store
from workbench.runs.spec import RunSpec, content_hash
from workbench.runs.stage_folder import StageFolder
from workbench.schedules import Linear
from workbench.settings import to_plain
from workbench.training import Distillation, MaskedTrainer, TrainingConfig
from workbench.training.data import TaskData

_STAGE = "dense"


def dense_stage(store: Store, spec: RunSpec, data: TaskData, environment: dict) -> StageFolder:
    """The complete stage. A second process that needs the same one waits for the first."""
    folder = dense_folder(store, spec, environment)
    stage = StageFolder(folder, _STAGE)
    if stage.record is None:
        folder.root.mkdir(parents=True, exist_ok=True)
        waiting = f"another run is fine-tuning the dense model in {folder.root}; waiting for it"
        with lock_or_wait(folder.lock, waiting):
            if stage.record is None:
                write_json(folder.identity, _identity(spec, environment))
                _fine_tune(folder, stage, spec, data, environment["precision"])
                release_memory()
    return stage


def complete_dense_stage(store: Store, spec: RunSpec, environment: dict) -> StageFolder | None:
    """The stage if it is complete."""
    stage = StageFolder(dense_folder(store, spec, environment), _STAGE)
    return stage if stage.record else None


def dense_folder(store: Store, spec: RunSpec, environment: dict) -> RunFolder:
    """The stage's folder in the store.

    Its hash covers everything that decides its bits: task and model with digests of their content, seed,
    splits, examples, the fine-tuning's settings, and precision, threads and device.
    """
    return store.dense(content_hash(_identity(spec, environment)))


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


def _fine_tune(folder: RunFolder, stage: StageFolder, spec: RunSpec, data: TaskData, precision: str) -> None:
    model = load_encoder(spec.model, data.task.num_outputs, spec.seed)
    key = (spec.seed, _STAGE)
    trainer = MaskedTrainer(model, _config(spec, data, model), key=key, precision=precision)
    log = EventLog(folder.events)
    training = StageTraining(stage, trainer, data, key, log, Output(moments=False))
    training.run()
    training.finish()


def _config(spec: RunSpec, data: TaskData, model: nn.Module) -> TrainingConfig:
    settings = spec.dense
    default_lr = 1e-3 if data.task.modality == "images" else 5e-5 * 768 / model.config.hidden_size
    return TrainingConfig(
        steps=dense_steps(spec, data),
        lr=settings.lr or default_lr,
        schedule=Linear(warmup=settings.warmup),
        batch_size=settings.batch_size,
        eval_every=settings.eval_every,
        distillation=Distillation(mode="none"),
    )
