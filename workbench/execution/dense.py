"""The dense fine-tuned model, trained or copied once for all runs of a store that need the same one."""

from dataclasses import replace

from torch import nn

from workbench.execution.environment import LONG_BATCHES_IN_PARTS, release_memory
from workbench.execution.given import GivenDense
from workbench.execution.stage_training import Output, StageTraining
from workbench.files import write_json
from workbench.locks import lock_or_wait
from workbench.models import load_encoder
from workbench.runs.events import EventLog
from workbench.runs.layout import RunFolder, Store
from workbench.runs.records import Evaluation, Record
from workbench.runs.spec import RunSpec, content_hash
from workbench.runs.stage_folder import StageFolder
from workbench.schedules import Linear
from workbench.settings import to_plain
from workbench.training import Distillation, MaskedTrainer, TrainingConfig, model_tensors
from workbench.training.data import TaskData

_STAGE = "dense"


def dense_stage(
    store: Store, spec: RunSpec, data: TaskData, environment: dict, given: GivenDense | None = None
) -> StageFolder:
    """The complete stage of the dense model. A second process that needs it waits for the first.

    Args:
        store: the store that has the stage.
        spec: the run.
        data: its task.
        environment: what the run folder recorded.
        given: the dense model, if the spec names one; its weights are copied.
    """
    folder = dense_folder(store, spec, environment)
    stage = StageFolder(folder, _STAGE)
    if stage.record is None:
        folder.root.mkdir(parents=True, exist_ok=True)
        waiting = f"another run is fine-tuning the dense model in {folder.root}; waiting for it"
        with lock_or_wait(folder.lock, waiting):
            if stage.record is None:
                write_json(folder.identity, _identity(spec, environment))
                if given is not None:
                    _take(folder, stage, given, data, environment["precision"])
                else:
                    _fine_tune(folder, stage, spec, data, environment)
                release_memory()
    return stage


def complete_dense_stage(store: Store, spec: RunSpec, environment: dict) -> StageFolder | None:
    """The stage if it is complete."""
    stage = StageFolder(dense_folder(store, spec, environment), _STAGE)
    return stage if stage.record else None


def dense_folder(store: Store, spec: RunSpec, environment: dict) -> RunFolder:
    """The folder of the stage in the store.

    Its hash covers everything that its bits depend on: task and model with digests of their content, seed,
    splits, examples, the fine-tuning's settings, and precision, threads and device.
    """
    return store.dense(content_hash(_identity(spec, environment)))


def dense_steps(spec: RunSpec, data: TaskData) -> int:
    """Optimizer steps of the fine-tuning; 0 for a dense model that is given."""
    if spec.dense.model is not None:
        return 0
    return data.steps(spec.dense.epochs, spec.dense.batch_size)


def _identity(spec: RunSpec, environment: dict) -> dict:
    # A start mask changes what is made from the dense model, and not the model.
    dense = to_plain(replace(spec.dense, start_mask=None), changed_only=True)
    identity = {
        "task": spec.task,
        "model": spec.model,
        "seed": spec.seed,
        "selection": spec.selection,
        "dense": dense,
        **{name: environment[name] for name in ("precision", "threads", "device", "content")},
    }
    if spec.examples is not None:
        identity["examples"] = spec.examples
    return identity


def _fine_tune(
    folder: RunFolder, stage: StageFolder, spec: RunSpec, data: TaskData, environment: dict
) -> None:
    model = load_encoder(spec.model, data.task.num_outputs, spec.seed, spec.prunable)
    key = (spec.seed, _STAGE)
    in_parts = LONG_BATCHES_IN_PARTS in environment.get("practices", ())
    config, precision = _config(spec, data, model), environment["precision"]
    trainer = MaskedTrainer(model, config, key=key, precision=precision, in_parts=in_parts)
    log = EventLog(folder.events)
    training = StageTraining(stage, trainer, data, key, log, Output(moments=False))
    training.run()
    training.finish()


def _take(folder: RunFolder, stage: StageFolder, given: GivenDense, data: TaskData, precision: str) -> None:
    """Saves a given classifier as the stage: its weights and its score, without training."""
    metrics = given.measure(data, precision)
    log = EventLog(folder.events)
    log.forget(_STAGE, after=-1)
    log.append(_STAGE, "start", step=0, steps=0)
    log.append(_STAGE, "evaluation", step=0, metrics=metrics)
    log.append(_STAGE, "end", step=0, metrics=metrics)
    tensors = {f"model.{name}": tensor.detach() for name, tensor in model_tensors(given.model).items()}
    stage.save_best(0, tensors, optimizer_steps=0)
    stage.finish(Record().evaluated(Evaluation(0, metrics)), 0)


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
