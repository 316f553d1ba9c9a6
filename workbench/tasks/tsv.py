"""Reads the original GLUE download: a folder of tab-separated files per task."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from workbench.errors import BadInput
from workbench.tasks.rows import RawSplit
from workbench.tasks.task import Schema


@dataclass(frozen=True)
class Layout:
    """The columns and files of a task.

    Attributes:
        columns: column names of the schema's text columns, then of the label.
        header: the header, for files that have none.
        files: alternative sets of files, each from split name to file name; the first complete one is read.
    """

    columns: tuple[str, ...]
    header: tuple[str, ...] = ()
    files: tuple[dict[str, str], ...] = field(default=({"train": "train.tsv", "validation": "dev.tsv"},))


LAYOUTS: dict[str, Layout] = {
    "cola": Layout(("sentence", "label"), header=("source", "label", "mark", "sentence")),
    "sst2": Layout(("sentence", "label")),
    # If GLUE's own two files are missing, Microsoft's originals are read. GLUE's dev rows are part of
    # Microsoft's train file, so the two sets must never be mixed.
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
    """The rows of "train" and of each dev split, by split name.

    Rows with too few columns are counted and dropped. Labels are text, as in the files. Quotation marks have
    no special meaning.

    Raises:
        BadInput: a file or a column is missing, or a file is not UTF-8.
    """
    layout = LAYOUTS[name]
    present = {path.name.lower(): path for path in folder.iterdir()}
    complete = [files for files in layout.files if set(files.values()) <= set(present)]
    if not complete:
        missing = sorted(set(layout.files[0].values()) - set(present))
        raise BadInput(
            f"{folder} has no {' and no '.join(missing)}; expected {' and '.join(layout.files[0].values())} "
            "of the original GLUE download. Add the missing files."
        )
    return {split: _read_file(present[file], layout, schema) for split, file in complete[0].items()}


def _read_file(path: Path, layout: Layout, schema: Schema) -> RawSplit:
    try:
        # Read without newline translation: a carriage return inside a sentence does not end the line.
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 ({error}). Download the file again.") from error
    rows = [line.rstrip("\r").split("\t") for line in text.split("\n") if line.strip()]
    header = list(layout.header) or (rows.pop(0) if rows else [])
    if missing := [column for column in layout.columns if column not in header]:
        raise BadInput(
            f"{path} lacks the column {', '.join(map(repr, missing))}; its first line has {header}. "
            "Replace it with the file of the original GLUE download."
        )
    positions = [header.index(column) for column in layout.columns]
    complete = [row for row in rows if len(row) >= len(header)]
    names = (*schema.inputs, "label")
    table = {name: [row[i] for row in complete] for name, i in zip(names, positions, strict=True)}
    return RawSplit(pd.DataFrame(table, dtype=object), str(path), broken=len(rows) - len(complete))
