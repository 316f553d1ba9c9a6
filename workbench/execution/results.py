"""The results of a finished run: its model, and one file with the figures of all stages."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict

from safetensors import safe_open
from transformers import PreTrainedConfig

from workbench.errors import BadInput
from workbench.execution.bench import RunBench
from workbench.execution.final_scores import score_on_dev
from workbench.execution.latency import forward_latency
from workbench.execution.models import RunModels
from workbench.files import write_json
from workbench.masks import Mask
from workbench.models import save_model
from workbench.runs.layout import RunFolder
from workbench.runs.predictions import write_predictions
from workbench.runs.races import interventions, ties
from workbench.runs.records import Cost
from workbench.runs.run import FORMAT
from workbench.runs.spec import RunSpec
from workbench.runs.stage_folder import StageFolder, read_record
from workbench.runs.states import StageState, strip_moments
from workbench.stages import Stage
from workbench.training.data import TaskData


def write_results(
    folder: RunFolder,
    spec: RunSpec,
    data: TaskData,
    models: RunModels,
    environment: dict,
    bench: RunBench,
    final: StageState,
    given: dict[str, str] | None = None,
) -> None:
    """Scores every level on dev, saves the final model, and writes `results.json`, which ends the run."""
    levels = bench.levels
    if not levels:
        raise BadInput(
            f"engine {spec.engine.id} trained nothing under a mask; bench.train(..., mask=mask) does."
        )
    precision = environment["precision"]
    scores = score_on_dev(folder, data, models, levels, precision)
    level_results = [_level(folder, stage) | {"dev": scores.levels[stage]} for stage in levels]
    dense = models.dense_folder.record
    _save_model(folder, data, models, final, keep_names=given is not None)
    results = {
        "format": FORMAT,
        "run": spec.name,
        "task": spec.task,
        "engine": spec.engine.id,
        "model": spec.model,
        "seed": spec.seed,
        "scale": spec.scale,
        "selection": spec.selection,
        "metrics": list(data.task.metrics),
        "examples": {"train": len(data.train), "validation": len(data.validation)}
        | {f"dev/{name}": len(split) for name, split in data.dev.items()},
        "dropped": dict(data.task.dropped),
        "sparsity": _measured_sparsity(folder, models.prunable),
        "validation": level_results[-1]["validation"],
        "dev": level_results[-1]["dev"],
        "levels": level_results,
        "dense": {
            "validation": dense.best.metrics,
            "dev": scores.dense,
            "cost": asdict(dense.cost),
        },
        "cost": cost_by_purpose(folder, dense.cost if bench.used_dense else Cost()),
        "milliseconds": forward_latency(models, data, final, (spec.seed, "milliseconds"), precision),
        "environment": environment,
    }
    if given is not None:
        results["dense"]["given"] = given
    if by_hand := interventions(folder):
        results["interventions"] = by_hand
    if tied := ties(folder):
        results["ties"] = tied
    write_predictions(folder, scores.predictions)
    write_json(folder.results, results)


def cost_by_purpose(folder: RunFolder, dense: Cost) -> dict[str, dict]:
    """Cost of training the levels, racing candidates and training them in full, and sums.

    Training candidates in full is for studying the method, not for finding the mask, and is in no sum.

    Args:
        folder: the folder of a run whose stages are complete.
        dense: cost of the dense model if the engine continued it; zero if it started from the pretrained
            encoder.
    """
    spent = {"training": Cost(), "racing": Cost(), "full": Cost()}
    for stage in folder.complete_stages():
        if stage.purpose != "particle":  # included in the cost of their average
            spent[stage.purpose] += read_record(folder.stage(stage).done).cost
    total = spent["training"] + spent["racing"]
    spent |= {"total": total, "dense": dense, "from_pretrained": dense + total}
    return {purpose: asdict(cost) for purpose, cost in spent.items()}


def remove_scaffolding(folder: RunFolder, keep_weights: bool) -> None:
    """Removes files that only a resume needs, gigabytes for a large model, and leftovers of killed writers.

    Args:
        folder: the folder of a complete run.
        keep_weights: keep the weights of every stage, without moments.
    """
    if keep_weights:
        strip_moments(folder)
    for path in folder.scaffolding(keep_states=keep_weights):
        path.unlink(missing_ok=True)


def _level(folder: RunFolder, stage: Stage) -> dict:
    record, mask = StageFolder(folder, stage).record, Mask.load(folder.mask(stage))
    return {
        "stage": str(stage),
        "sparsity": mask.sparsity,
        "kept": mask.kept,
        "numel": mask.numel,
        "best_step": record.kept.step,
        "validation": record.kept.metrics,
        "cost": asdict(record.cost),
        "recovery": record.recovery,
    }


def _save_model(
    folder: RunFolder, data: TaskData, models: RunModels, final: StageState, keep_names: bool
) -> None:
    part = folder.unfinished_model
    shutil.rmtree(part, ignore_errors=True)
    model = models.load(final)
    _name_classes(model.config, data.task.labels, keep_names)
    save_model(model, data.tokenizer or data.image_processor, part)
    shutil.rmtree(folder.model, ignore_errors=True)
    os.replace(part, folder.model)


def _name_classes(config: PreTrainedConfig, labels: Sequence[str], keep: bool) -> None:
    """Gives the model's outputs the names of the task's classes.

    Args:
        config: the model's.
        labels: the task's classes; none for a regression.
        keep: whether names that the model has are those of a given classifier. Otherwise they are those of
            another task, whose head is trained on.
    """
    if labels and not (keep and config.id2label[0] != "LABEL_0"):
        config.id2label = dict(enumerate(labels))
        config.label2id = {name: number for number, name in enumerate(labels)}


def _measured_sparsity(folder: RunFolder, prunable: Sequence[str]) -> float:
    """Share of exact zeros among the prunable weights of the saved model file."""
    zeros = numel = 0
    with safe_open(folder.model_weights, framework="pt") as file:
        for name in prunable:
            weight = file.get_tensor(name)
            zeros += int((weight == 0).sum())
            numel += weight.numel()
    return zeros / numel
