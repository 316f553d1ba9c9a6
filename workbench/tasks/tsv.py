"""GLUE as its original download lays it out: a folder of tab-separated files for each task."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from workbench.errors import BadInput
from workbench.tasks.rows import RawSplit
from workbench.tasks.task import Schema


@dataclass(frozen=True)
class Layout:
    """Where a task's columns are in its files.

    Attributes:
        columns: header of each of the schema's text columns, then that of the label.
        header: the header where the file itself has none.
        files: sets of files, of which the first that is complete is read; split name to file name.
    """

    columns: tuple[str, ...]
    header: tuple[str, ...] = ()
    files: tuple[dict[str, str], ...] = field(default=({"train": "train.tsv", "validation": "dev.tsv"},))


LAYOUTS: dict[str, Layout] = {
    "cola": Layout(("sentence", "label"), header=("source", "label", "mark", "sentence")),
    "sst2": Layout(("sentence", "label")),
    # Without GLUE's own two files the Microsoft originals are read. GLUE's dev rows are part of Microsoft's
    # train file, so the two pairs must never be mixed.
    "mrpc": Layout(
        ("#1 String", "#2 String", "Quality"),
        files=(
            {"train": "train.tsv", "validation": "dev.tsv"},
            {"train": "msr_paraphrase_train.txt", "validation": "msr_paraphrase_test.txt"},
        ),
    ),
    "stsb": Layout(("sentence1", "sentence2", "score")),
    "qqp": Layout(("question1", "question2", "is_duplicate")),
    "mnli": Layout(
        ("sentence1", "sentence2", "gold_label"),
        files=(
            {
                "train": "train.tsv",
                "validation_matched": "dev_matched.tsv",
                "validation_mismatched": "dev_mismatched.tsv",
            },
        ),
    ),
    "qnli": Layout(("question", "sentence", "label")),
    "rte": Layout(("sentence1", "sentence2", "label")),
    "wnli": Layout(("sentence1", "sentence2", "label")),
}


def is_here(folder: Path) -> bool:
    """Whether `folder` holds files of the original download."""
    return any(folder.glob("*.tsv")) or any(folder.glob("msr_paraphrase_*.txt"))


def read(folder: Path, name: str, schema: Schema) -> dict[str, RawSplit]:
    """Split name to the rows of "train" and of each dev split.

    A row with too few columns is counted and left out. Labels are text, as in the files. A quotation
    mark is a character like any other.

    Raises:
        BadInput: a file or a column is missing, or a file is not UTF-8.
    """
    layout = LAYOUTS[name]
    here = {path.name.lower(): path for path in folder.iterdir()}
    complete = [files for files in layout.files if set(files.values()) <= set(here)]
    if not complete:
        missing = sorted(set(layout.files[0].values()) - set(here))
        raise BadInput(
            f"{folder} has no {' and no '.join(missing)}; expected {' and '.join(layout.files[0].values())} "
            "of the original GLUE download. Complete the folder."
        )
    return {split: _read_file(here[file], layout, schema) for split, file in complete[0].items()}


def _read_file(path: Path, layout: Layout, schema: Schema) -> RawSplit:
    try:
        # Read without newline translation: a carriage return inside a sentence is no end of line.
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 ({error}). Download the file again.") from error
    rows = [line.rstrip("\r").split("\t") for line in text.split("\n") if line.strip()]
    header = list(layout.header) or (rows.pop(0) if rows else [])
    if missing := [column for column in layout.columns if column not in header]:
        raise BadInput(
            f"{path} lacks the column {', '.join(map(repr, missing))}; its first line has {header}. "
            "Replace it by the file of the original GLUE download."
        )
    places = [header.index(column) for column in layout.columns]
    whole = [row for row in rows if len(row) >= len(header)]
    names = (*schema.inputs, "label")
    table = {name: [row[place] for row in whole] for name, place in zip(names, places, strict=True)}
    return RawSplit(pd.DataFrame(table, dtype=object), str(path), broken=len(rows) - len(whole))
