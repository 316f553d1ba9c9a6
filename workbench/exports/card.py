"""The model card of a run: what the model is, what it scores, and how it was made."""

from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData, try_to_load_from_cache

from workbench.analysis.pattern import pattern_and_hardware
from workbench.errors import BadInput
from workbench.exports.model_files import base_model
from workbench.files import read_json
from workbench.models import locate, reads
from workbench.runs import Run
from workbench.tasks.metrics import METRICS

# The Hub's names, where they differ from ours.
_DATASETS = {"glue": "nyu-mll/glue", "vision/cifar10": "uoft-cs/cifar10"}
_TASKS = {"text": "text-classification", "images": "image-classification"}


def model_card(run: Run) -> ModelCard:
    """The card of a complete run, without paths of this machine."""
    return ModelCard(f"---\n{_data(run).to_yaml()}\n---\n\n{_text(run)}")


def _data(run: Run) -> ModelCardData:
    spec, results = run.spec, run.results
    source = spec.task.partition("/")[0]
    dataset = _DATASETS.get(spec.task) or _DATASETS.get(source)
    kind = _TASKS[reads(str(run.folder.model))]
    scores = [
        EvalResult(
            task_type=kind,
            dataset_type=dataset or spec.task,
            dataset_name=spec.task,
            dataset_config=spec.task.partition("/")[2] if source == "glue" else None,
            dataset_split=split,
            metric_type=METRICS[metric].hub_name,
            metric_name=metric,
            metric_value=value,
        )
        for split, metrics in results["dev"].items()
        for metric, value in metrics.items()
    ]
    return ModelCardData(
        model_name=run.name,
        license=_licence(run),
        library_name="transformers" if _loads_anywhere(run) else None,
        pipeline_tag=kind,
        base_model=spec.model if _is_hub_id(run) else None,
        datasets=[dataset] if dataset else None,
        metrics=sorted({score.metric_type for score in scores}),
        tags=["pruning", "sparse", *([] if _is_regular(run) else ["unstructured-pruning"]), spec.engine.id],
        eval_results=scores,
    )


def _is_regular(run: Run) -> bool:
    return getattr(run.spec.engine, "pattern", "unstructured") != "unstructured"


def _about_zeros(run: Run) -> str:
    if _is_regular(run):
        return " ".join(pattern_and_hardware(run))
    return (
        "The zeros are single weights without a pattern: the file compresses well, but a forward pass is "
        "faster only\nwith sparse products."
    )


def _text(run: Run) -> str:
    spec, results, mask = run.spec, run.results, run.mask()
    environment = results["environment"]
    licence = _licence(run)
    option = "--model" if spec.dense.model is None else "--dense"
    model = "" if base_model(run) == spec.model else f" {option} FOLDER"
    command = f"workbench prune --recipe {run.folder.spec.name}{model}"
    origin = f"{spec.data.origin()}; " if spec.data else ""
    facts = {
        "base model": base_model(run),
        "task": spec.task,
        "engine": spec.engine.id,
        "sparsity": f"{results['sparsity']:.4f}: {mask.kept:,} of {mask.numel:,} prunable weights are kept",
        "seed": f"{spec.seed}; one seed, so without any estimate of the spread",
        "optimizer steps": f"{run.optimizer_steps:,}, without those of the dense model",
        "data": f"{origin}digest {environment['content']['data']}",
        "base model's weights": f"digest {environment['content']['weights']}",
        "mask": f"digest {mask.digest[:16]}",
        "precision": environment["precision"],
        "versions": ", ".join(f"{name} {version}" for name, version in environment["versions"].items()),
        "plugins": ", ".join(
            f"{entry['name']} {entry['version']}" for entry in environment.get("plugins", ())
        ),
        "licence of the base model": licence or "not known; look it up before you share this model",
    }
    rows = "\n".join(f"| {name} | {value} |" for name, value in facts.items() if value)
    return f"""# {run.name}

{base_model(run)}, fine-tuned on {spec.task} and pruned to {results["sparsity"]:.1%} by `{spec.engine.id}`.
{_about_zeros(run)}

| | |
| --- | --- |
{rows}

## Scores

Selection used the {spec.selection} split. {_dev_sentence(spec.selection)}

| split | metric | pruned | dense |
| --- | --- | --- | --- |
{_score_rows(results)}

## Use

{_use(run)}

`mask.safetensors` has one bit for each prunable weight, set where it is kept.

## Made by

```bash
{command}
```
"""


def _score_rows(results: dict) -> str:
    rows = [("validation", results["validation"], results["dense"]["validation"])]
    rows += [
        (f"dev: {split}", scores, results["dense"]["dev"][split]) for split, scores in results["dev"].items()
    ]
    return "\n".join(
        f"| {split} | {metric} | {value:.4f} | {dense[metric]:.4f} |"
        for split, scores, dense in rows
        for metric, value in scores.items()
    )


def _dev_sentence(selection: str) -> str:
    if selection == "dev":
        return "That is the reported one, so its scores are optimistic."
    return "It was carved from train; dev was scored once, at the end."


def _use(run: Run) -> str:
    if not _loads_anywhere(run):
        return (
            "The transformers library does not know this architecture; `workbench.models.load_encoder` does."
        )
    if reads(str(run.folder.model)) == "images":
        return (
            "```python\nfrom transformers import AutoImageProcessor, AutoModelForImageClassification\n\n"
            + (
                'model = AutoModelForImageClassification.from_pretrained("FOLDER")\n'
                'processor = AutoImageProcessor.from_pretrained("FOLDER")\n```'
            )
        )
    return "```python\nfrom transformers import AutoModelForSequenceClassification, AutoTokenizer\n\n" + (
        'model = AutoModelForSequenceClassification.from_pretrained("FOLDER")\n'
        'tokenizer = AutoTokenizer.from_pretrained("FOLDER")\n```'
    )


def _loads_anywhere(run: Run) -> bool:
    config = read_json(run.folder.model / "config.json")
    return config["model_type"] != "cifar-resnet" and "label_words" not in config


def _licence(run: Run) -> str | None:
    """The licence in the base model's own card; None if the card is not on this machine."""
    try:
        card = Path(locate(run.spec.model)) / "README.md"
    except BadInput:
        return None
    if not card.is_file() and _is_hub_id(run):
        cached = try_to_load_from_cache(run.spec.model, "README.md")
        card = Path(cached) if isinstance(cached, str) else card
    return ModelCard.load(card).data.license if card.is_file() else None


def _is_hub_id(run: Run) -> bool:
    return run.spec.model.count("/") == 1 and base_model(run) == run.spec.model
