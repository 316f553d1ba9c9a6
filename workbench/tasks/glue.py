"""The nine GLUE tasks (Wang et al. 2019, arXiv:1804.07461), from a local folder or from the Hub.

Class numbers are those of `nyu-mll/glue` on the Hub. Note that rte and wnli number their classes in opposite
order.
"""

import os
from pathlib import Path

from workbench.errors import BadInput
from workbench.tasks import parquet, tsv
from workbench.tasks.download import rows_from_hub
from workbench.tasks.rows import RawSplit, clean
from workbench.tasks.task import Schema, Task

FOLDER_VARIABLE = "WORKBENCH_GLUE_DIR"
HUB_DATASET = "nyu-mll/glue"

_NLI = ("accuracy",)
_PAIR = ("sentence1", "sentence2")
_TWO_WAY = ("entailment", "not_entailment")

SCHEMAS: dict[str, Schema] = {
    "cola": Schema(("sentence",), ("unacceptable", "acceptable"), ("matthews",), max_length=64),
    "sst2": Schema(("sentence",), ("negative", "positive"), ("accuracy",), max_length=64),
    "mrpc": Schema(_PAIR, ("not_equivalent", "equivalent"), ("accuracy", "f1")),
    "stsb": Schema(_PAIR, (), ("pearson", "spearman")),
    "qqp": Schema(("question1", "question2"), ("not_duplicate", "duplicate"), ("accuracy", "f1")),
    "mnli": Schema(
        ("premise", "hypothesis"),
        ("entailment", "neutral", "contradiction"),
        _NLI,
        dev=("validation_matched", "validation_mismatched"),
    ),
    "qnli": Schema(("question", "sentence"), _TWO_WAY, _NLI),
    "rte": Schema(_PAIR, _TWO_WAY, _NLI),
    "wnli": Schema(_PAIR, _TWO_WAY[::-1], _NLI),
}


def load_glue(name: str) -> Task:
    """Loads a GLUE task from the folder in WORKBENCH_GLUE_DIR if that is set, else from the Hub.

    Raises:
        BadInput: the folder lacks a file, a column or a label, or the Hub cannot be reached.
    """
    schema = SCHEMAS[name]
    root = os.environ.get(FOLDER_VARIABLE)
    raw = _from_folder(Path(root).expanduser(), name) if root else _from_hub(name, schema)
    splits, dropped = {}, {}
    for split in ("train", *schema.dev):
        splits[split], count = clean(raw[split], schema)
        if count:
            dropped[split] = count
    return Task.of(f"glue/{name}", schema, splits, dropped)


def _from_folder(root: Path, name: str) -> dict[str, RawSplit]:
    """Reads the folder of a task below `root`; its name may have any case, dashes and underscores."""
    if not root.is_dir():
        raise BadInput(
            f"{FOLDER_VARIABLE} is {str(root)!r}, which is not a folder. Point it at a copy of GLUE."
        )
    matches = [path for path in sorted(root.iterdir()) if path.is_dir() and _plain(path.name) == name]
    for folder in matches:
        for layout in (parquet, tsv):
            if layout.is_here(folder):
                return layout.read(folder, name, SCHEMAS[name])
    files = " and ".join(tsv.LAYOUTS[name].files[0].values())
    wanted = f"train-*.parquet and {SCHEMAS[name].dev[0]}-*.parquet, or {files}"
    if matches:
        raise BadInput(f"{matches[0]} has no data; expected {wanted}. Add the missing files.")
    others = ", ".join(sorted(path.name for path in root.iterdir() if path.is_dir())) or "none"
    raise BadInput(
        f"{root} ({FOLDER_VARIABLE}) has no folder {name!r}; it has {others}. Add one with {wanted}, "
        f"unset {FOLDER_VARIABLE} to use the Hub, or use a generated task such as synth/rte."
    )


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _from_hub(name: str, schema: Schema) -> dict[str, RawSplit]:
    generated = "synth/rte or another generated task" if name == "wnli" else f"the generated synth/{name}"
    alternatives = f"set {FOLDER_VARIABLE} to a local copy of GLUE, use {generated}"
    return rows_from_hub(f"glue/{name}", HUB_DATASET, name, schema, alternatives)
