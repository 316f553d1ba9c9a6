"""What a finished run leaves: its model, and one file of figures gathered from its stages."""

import os
import shutil
from dataclasses import asdict
from pathlib import Path

from safetensors import safe_open

from workbench.errors import BadInput
from workbench.files import read_json, write_json
from workbench.masks import Mask
from workbench.models import prunable, save_model
from workbench.runs.bench import StoreBench
from workbench.runs.data import TaskData
from workbench.runs.drops import interventions
from workbench.runs.predictions import write_predictions
from workbench.runs.run import FORMAT
from workbench.runs.spec import RunSpec
from workbench.runs.stage import Cost, Record
from workbench.runs.tensors import StageState
from workbench.runs.weights import strip_moments


def write_results(
    bench: StoreBench, spec: RunSpec, data: TaskData, environment: dict, final: StageState
) -> None:
    """Scores every level on dev, saves the final model, and writes `results.json`, which ends the run.

    This is the only place that looks at dev (unless the spec selects on it), after all selection.
    """
    if not bench.levels:
        raise BadInput(
            f"engine {spec.engine.id} trained nothing under a mask; bench.train(..., mask=mask) does."
        )
    said = [bench.dev(bench.state(stage)) for stage in bench.levels]
    levels = [
        _level(bench, stage) | {"dev": data.score(dev)} for stage, dev in zip(bench.levels, said, strict=True)
    ]
    dense = bench.dense_folder.record
    model_folder = _save_model(bench, data, final)
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
        "sparsity": _measured_sparsity(bench, model_folder),
        "validation": levels[-1]["validation"],
        "dev": levels[-1]["dev"],
        "levels": levels,
        "dense": {
            "validation": dense.best.metrics,
            "dev": data.score(bench.dense_dev()),
            "cost": asdict(dense.cost),
        },
        "cost": cost_table(bench.root),
        "milliseconds": bench.milliseconds(final),
        "environment": environment,
    }
    if by_hand := interventions(bench.root):
        results["interventions"] = by_hand
    write_predictions(bench.root, said[-1])
    write_json(bench.root / "results.json", results)


def _level(bench: StoreBench, stage: str) -> dict:
    record, mask = bench.folder(stage).record, Mask.load(bench.mask_path(stage))
    return {
        "stage": stage,
        "sparsity": mask.sparsity,
        "kept": mask.kept,
        "numel": mask.numel,
        "best_step": record.kept.step,
        "validation": record.kept.metrics,
        "cost": asdict(record.cost),
    }


def cost_table(root: Path) -> dict[str, dict]:
    """Cost by purpose: training the levels, racing candidates, scoring them in full, and the total.

    What `full` took is study of the method, not part of finding the mask, and not in the total.
    """
    spent = {"training": Cost(), "racing": Cost(), "full": Cost()}
    for path in sorted((root / "stages").rglob("done.json")):
        stage = path.parent.relative_to(root / "stages").as_posix()
        if "/particle-" in stage:  # in the cost of their average
            continue
        purpose = "racing" if "/race/" in stage else "full" if "/full/" in stage else "training"
        spent[purpose] += Record.from_plain(read_json(path)).cost
    return {purpose: asdict(cost) for purpose, cost in spent.items()} | {
        "total": asdict(spent["training"] + spent["racing"])
    }


def _save_model(bench: StoreBench, data: TaskData, final: StageState) -> Path:
    folder, part = bench.root / "model", bench.root / ".model.part"
    shutil.rmtree(part, ignore_errors=True)
    save_model(bench.model_of(final), data.tokenizer, part)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(part, folder)
    return folder


def _measured_sparsity(bench: StoreBench, folder: Path) -> float:
    """Share of exact zeros among the prunable weights of the saved model file."""
    zeros = numel = 0
    with safe_open(folder / "model.safetensors", framework="pt") as file:
        for name in prunable(bench.model):
            weight = file.get_tensor(name)
            zeros += int((weight == 0).sum())
            numel += weight.numel()
    return zeros / numel


def drop_scaffolding(root: Path, keep_weights: bool) -> None:
    """Removes what only a resume needs, gigabytes for a large model, and what killed writers left.

    Args:
        root: the folder of a complete run.
        keep_weights: leave every stage's weights, without the moments.
    """
    if keep_weights:
        strip_moments(root)
    dropped = "checkpoint.safetensors" if keep_weights else "*.safetensors"
    for path in [*(root / "stages").rglob(dropped), *root.rglob(".*.part")]:
        path.unlink(missing_ok=True)
