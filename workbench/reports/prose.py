"""A run in words: plain text, which the caller escapes."""

import shlex
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from workbench.analysis.pattern import pattern_and_hardware
from workbench.runs import Run, dev_name
from workbench.settings import flat, to_plain
from workbench.tasks import modality

_MATRICES = "the linear matrices of the encoder's layers; embeddings, LayerNorm, biases, pooler and head"
_KERNELS = "all convolution kernels; BatchNorm and head"
_TIE_BREAKS = {
    "loss": "the lower validation loss decided.",
    "metric": "the losses were equal, and the higher metric decided.",
    "order": "the candidates were equal in metric and loss, and the first of them was chosen. Such a race "
    "does not tell masks apart.",
}
NO_FULL_SCORES = (
    "This run trained only the chosen mask in full, so there are no final scores to compare early scores "
    "with. The setting full_scores=true of the engine randomized trains every candidate in full."
)


def headline(run: Run) -> str:
    """The result in a sentence: dev metrics of the pruned and the dense model."""
    results = run.results
    parts = [
        f"{dev_name(split)} {metric} {value:.3f} (dense: {results['dense']['dev'][split][metric]:.3f})"
        for split, metrics in results["dev"].items()
        for metric, value in metrics.items()
    ]
    return f"With {_percent(results['sparsity'])} of the prunable weights removed: {'; '.join(parts)}."


def what_was_run(run: Run) -> list[str]:
    """The spec in words: a paragraph each on subject and method, sparsity, settings, splits and seed."""
    spec, results = run.spec, run.results
    level, examples = results["levels"][-1], results["examples"]
    method = type(spec.engine).__doc__.strip().splitlines()[0].replace("`", "")
    ladder = ", ".join(_percent(level["sparsity"]) for level in results["levels"])
    levels = "1 level" if len(results["levels"]) == 1 else f"{len(results['levels'])} levels"
    dev = " and ".join(f"{count:,}" for name, count in examples.items() if name.startswith("dev/"))
    model, prunable = _subject(run)
    origin = f"; {spec.data.origin()}" if spec.data else ""
    train = f"{spec.task} ({examples['train']:,} training examples{origin})"
    if spec.dense.model is None:
        start = f"The {model} {spec.model} was fine-tuned on {train}, then pruned"
    else:
        start = f"The fine-tuned classifier {spec.dense.model} was pruned on {train}"
    return [
        f"{start} by the engine {spec.engine.id}: {method}",
        f"{level['numel'] - level['kept']:,} of {level['numel']:,} prunable weights were removed, in "
        f"{levels}: {ladder}. The prunable weights are {prunable} are not pruned.",
        *pattern_and_hardware(run),
        f"Settings that differ from the engine's defaults: {_settings(run)}. "
        f"The scale is {spec.scale:g}: each training length is the engine's setting times this factor.",
        f"Selection used {examples['validation']:,} examples. The dev split has {dev} examples.",
        f"The seed is {spec.seed}. This is one seed, so the page cannot show how much results vary with it.",
    ]


def cautions(run: Run) -> list[str]:
    """What to know before trusting the scores: selection on dev, manual interventions, and ties."""
    paragraphs = [
        f"A person removed candidates from {race} before its mask was chosen: {', '.join(map(str, dropped))}."
        " Scores decided only among the others. This is not part of the spec, so making the run again does "
        "not repeat it."
        for race, dropped in run.results.get("interventions", {}).items()
    ]
    ties: dict[str, list[str]] = {}
    for race, broken_by in run.results.get("ties", {}).items():
        ties.setdefault(broken_by, []).append(race)
    paragraphs += [
        f"Equal early scores in {', '.join(races)}: {_TIE_BREAKS[broken_by]}"
        for broken_by, races in ties.items()
    ]
    if run.spec.selection != "dev":
        return paragraphs
    return [
        *paragraphs,
        "This run used the dev split that it reports for selecting masks and checkpoints (selection: dev), "
        "as the papers do. Its dev scores are optimistic and cannot be compared with those of runs that "
        "select on a validation split.",
    ]


def published_note(published: pd.DataFrame) -> list[str]:
    """What the published figures in a plot are, with their sources; nothing if there are none."""
    if published.empty:
        return []
    return [
        "Grey diamonds are published figures for BERT-base, trained with other recipes, for orientation "
        f"only. Sources: {'; '.join(published['source'].unique())}."
    ]


def no_pool(run: Run) -> str:
    """Why there is no pool of masks to show."""
    return (
        f"The engine {run.spec.engine.id} makes one mask for each level and holds no races, so there is no "
        "pool to show."
    )


def no_race(run: Run) -> str:
    """Why there are no early scores to show."""
    return f"The engine {run.spec.engine.id} holds no race."


def reproduction(run: Run) -> str:
    """One command that makes the run again, with the thread count that its results depend on."""
    plain, data = run.spec.changed, run.spec.data
    if data and not data.file:  # the shell has no options for all that its columns may define
        spec = f"{run.name}/{run.folder.spec.name}"
        return f"OMP_NUM_THREADS={run.environment['threads']} workbench prune --recipe {spec}"
    engine, dense = plain.pop("engine"), plain.pop("dense", {})
    task = plain.pop("task")
    plain.pop("data", None)
    words = ["workbench", "prune", Path(data.file).name if data else task, "--engine", engine.pop("id")]
    if "sparsity" in engine:
        words += ["--sparsity", repr(engine.pop("sparsity"))]
    if "model" in dense:
        words += ["--dense", dense.pop("model")]
    for name, value in plain.items():
        words += [f"--{name}", str(value)]
    for name, value in (flat(engine) | flat(dense, "dense.")).items():
        words += ["--set", f"{name}={_yaml(value)}"]
    return f"OMP_NUM_THREADS={run.environment['threads']} {shlex.join(words)}"


def environment_table(run: Run) -> pd.DataFrame:
    """What a run's results depend on besides its spec: a table of names and values."""
    environment = dict(run.environment)
    versions = environment.pop("versions")
    if "compute" in environment:  # without the costs that "auto" goes by, which only a machine reads
        environment["compute"] = environment["compute"]["kind"]
    rows = [("run", run.name), *((name, str(value)) for name, value in (environment | versions).items())]
    return pd.DataFrame(rows, columns=["environment", "value"])


def _subject(run: Run) -> tuple[str, str]:
    """What kind of model was pruned, and which of its weights can be."""
    spec = run.spec
    is_resnet = all(len(shape) == 4 for shape in run.mask().shapes.values())
    images = "ResNet" if is_resnet else "vision transformer"
    model = images if modality(spec.task) == "images" else "encoder"
    if spec.prunable is not None:
        return model, f"those whose names match {spec.prunable}; all others"
    return model, _KERNELS if is_resnet else _MATRICES


def _settings(run: Run) -> str:
    engine = to_plain(run.spec.engine, changed_only=True)
    engine.pop("id")
    changed = flat(engine) | flat(to_plain(run.spec.dense, changed_only=True), "dense.")
    return ", ".join(f"{name} = {_yaml(value)}" for name, value in changed.items()) or "none"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _yaml(value: Any) -> str:
    """A value as YAML on one line, because YAML reads Python's 1e-05 as text."""
    return (
        yaml.safe_dump(value, default_flow_style=True, width=float("inf"))
        .removesuffix("\n")
        .removesuffix("\n...")
    )
