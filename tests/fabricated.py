"""Fabricated run folders: made without training, with scores that the tests choose."""

import copy
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from workbench.engines import Engine
from workbench.files import write_json, write_text
from workbench.masks import topk_mask
from workbench.randomness import derive, numpy_generator
from workbench.runs import Run, RunSpec
from workbench.runs.predictions import Predictions, write_predictions
from workbench.runs.races import RaceOutcome
from workbench.runs.records import Evaluation, Record
from workbench.scores import random
from workbench.stages import Stage

EXAMPLES = 200


def fabricate(
    store: Path, like: Run, engine: Engine, *, seed: int = 0, right: int = 100, steps: int = 300, **spec
) -> Run:
    """Fabricates a complete run with `right` of 200 dev examples correct.

    Args:
        store: the store for its folder.
        like: a real run, from which all other values and the matrices are copied.
        engine: the engine, which together with the seed also determines the mask.
        seed: seed of the spec.
        right: number of correct dev examples, counted from the first.
        steps: total optimizer steps.
        spec: other values of the spec.
    """
    run_spec: RunSpec = replace(like.spec, engine=engine, seed=seed, **spec)
    root = store / run_spec.name
    matrices = like.mask()
    shapes = {name: matrices[name].float() for name in matrices.names}
    mask = topk_mask(random(shapes, seed=derive(engine.id, seed)), engine.sparsity, "global")
    mask.save(root / "masks" / "level-1.safetensors")
    results = copy.deepcopy(like.results)
    scores = {"accuracy": right / EXAMPLES}
    cost = dict(results["levels"][-1]["cost"], optimizer_steps=steps)
    level = {"stage": "level-1", "sparsity": mask.sparsity, "kept": mask.kept, "numel": mask.numel}
    level |= {"best_step": steps, "validation": scores, "dev": {"validation": scores}, "cost": cost}
    from_spec = {"task": run_spec.task, "engine": run_spec.engine.id, "model": run_spec.model}
    results |= from_spec | {"run": run_spec.name, "seed": run_spec.seed}
    results |= {"levels": [level], "validation": scores, "dev": level["dev"]}
    results["cost"] = {"training": cost, "total": cost}
    write_json(root / "results.json", results)
    write_json(root / "environment.json", like.environment)
    write_text(root / "spec.yaml", run_spec.to_yaml())
    return Run(root)


def fabricate_race(
    run: Run, finals: np.ndarray, metrics: np.ndarray, losses: np.ndarray, *, full_steps: int = 300
) -> Run:
    """Gives a run a race on its first level, won by the best last metric, and its candidates full trainings.

    Args:
        run: of the engine `randomized`; its settings are not looked at, except for `sampler`.
        finals: (candidates, orders), final scores.
        metrics: (candidates, evaluations), early scores, one every ten steps.
        losses: the same for validation losses.
        full_steps: length of a full training.
    """
    stage = Stage.level(1)
    best = int(np.argmax(metrics[:, -1]))
    away = 0.0 if run.spec.engine.sampler == "magnitude" else run.spec.engine.distance or 0.2
    races = {stage.race: (10 * (1 + np.arange(metrics.shape[1])), metrics, losses)}
    for order, scores in enumerate(finals.T[:, :, None]):
        races[stage.full_in(order)] = [full_steps], scores, 1 - scores
    for race, (steps, scores, own_losses) in races.items():
        entries = []
        for index, values in enumerate(zip(scores, own_losses, strict=True)):
            evaluations = tuple(
                Evaluation(int(step), {"accuracy": float(score)}, loss=float(loss))
                for step, score, loss in zip(steps, *values, strict=True)
            )
            write_json(run.folder.stage(race.candidate(index)).done, asdict(Record(evaluations)))
            last = evaluations[-1]
            entries.append({"score": last.primary, "loss": last.loss, "ratio": None, "from_magnitude": away})
        RaceOutcome(best, 1, tuple(entries)).write(run.folder.stage(race).race)
    return run


def predict(run: Run, right: int) -> Run:
    """Gives a run predictions, of which the first `right` of 200 are correct."""
    labels = numpy_generator("labels").integers(2, size=EXAMPLES)
    predicted = np.where(np.arange(EXAMPLES) < right, labels, 1 - labels)
    logits = np.eye(2, dtype=np.float32)[predicted]
    write_predictions(run.folder, {"validation": Predictions(logits, labels)})
    return run


def speed_result() -> dict:
    """What `measure_speed` returns, with chosen times: two shapes, three contestants."""
    milliseconds = {
        "torch fp32": (8.0, 40.0),
        "workbench fp32": (4.0, 10.0),
        "ONNX Runtime int8": (2.0, 20.0),
    }
    rows = [
        {
            "batch": batch,
            "length": 16,
            "contestant": name,
            "milliseconds": times[place],
            "bytes": 2_000_000,
            "largest_difference": 0.0 if name == "torch fp32" else 0.25,
        }
        for place, batch in enumerate((1, 8))
        for name, times in milliseconds.items()
    ]
    versions = {"torch": "2.13.0", "numba": "0.68.1"}
    machine = {
        "processor": "Some Processor",
        "cores": 2,
        "threads": 1,
        "memory_gib": 8.0,
        "versions": versions,
    }
    return {"machine": machine, "sparsity": 0.8, "rows": rows}
