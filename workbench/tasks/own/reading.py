"""Reads the columns of a task from data files and from the Hub, as they are."""

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet

from workbench.errors import BadInput
from workbench.tasks import parquet
from workbench.tasks.download import split_from_hub
from workbench.tasks.own.definition import FromHub, Rows

# Rows that are Python objects at one time; a million of them at once would take gigabytes.
_ROWS = 20_000
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
# Halves of characters, which JSON can write and no file in UTF-8 can hold.
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of one file.

    Attributes:
        frame: the wanted columns; missing cells are missing values. Texts from csv, tsv and jsonl are str.
        origin: the file, for messages.
        folder: of the file, to which the names of image files in it are relative.
    """

    frame: pd.DataFrame
    origin: str
    folder: Path


def read_parts(rows: Rows, columns: tuple[str, ...]) -> list[Part]:
    """The rows of every file, in order.

    Args:
        rows: where they are.
        columns: those to read.

    Raises:
        BadInput: a file is missing, empty or damaged, lacks a column or has two of one name, or the Hub
            cannot be reached.
    """
    if isinstance(rows, FromHub):
        frame = split_from_hub(rows.hub.path, rows.hub.name, rows.hub.split)
        _check_columns(str(rows.hub.path), list(frame), columns)
        return [Part(frame[list(columns)], f"split {rows.hub.split} of {rows.hub.path}", Path())]
    parts = [Part(_read(Path(file), columns), file, Path(file).parent) for file in rows]
    for part in parts:
        if part.frame.empty:
            raise BadInput(f"{part.origin} has a header and no rows. Replace it with the complete file.")
    return parts


def column_names(file: str | Path) -> list[str]:
    """The columns of a data file.

    Raises:
        BadInput: as `read_parts`.
    """
    path = _checked(Path(file))
    if path.suffix.lower() == ".parquet":
        return _parquet_names(path)
    if path.suffix.lower() == ".jsonl":
        return list(next(_objects(path))[1])
    with _csv_rows(path) as rows:
        return next(rows)[1]


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    suffix = _checked(path).suffix.lower()
    if suffix == ".parquet":
        _check_columns(str(path), _parquet_names(path), columns)
        return parquet.read_file(path, list(columns))
    if suffix == ".jsonl":
        return _frame(_from_objects(path, columns), columns)
    with _csv_rows(path) as rows:
        _, header = next(rows)
        _check_columns(str(path), header, columns)
        places = [header.index(column) for column in columns]
        return _frame(([row[place] or None for place in places] for _, row in rows), columns)


def _checked(path: Path) -> Path:
    if path.is_dir():
        raise BadInput(f"{path} is a folder. Name a file in it, or list several.")
    if not path.is_file():
        raise BadInput(
            f"{path} does not exist. Correct the path; in a task file it is relative to that file."
        )
    if not path.stat().st_size:
        raise _empty(path)
    return path


def _empty(path: Path) -> BadInput:
    return BadInput(f"{path} is empty. Replace it with the complete file.")


def _check_columns(origin: str, names: list[str], wanted: tuple[str, ...]) -> None:
    for column in wanted:
        if column not in names:
            if len(names) == 1 and ";" in names[0]:
                raise BadInput(
                    f"the columns of {origin} seem to be separated by semicolons: {names[0]!r}. Save it with "
                    "commas, or with tabs as .tsv."
                )
            raise BadInput(
                f"{origin} has no column {column!r}; it has {', '.join(map(repr, names))}. Name one of them."
            )
        if names.count(column) > 1:
            raise BadInput(
                f"{origin} has {names.count(column)} columns called {column!r}. Rename all but one of them."
            )


def _frame(rows: Iterable[list[str | None]], columns: tuple[str, ...]) -> pd.DataFrame:
    rows = iter(rows)
    blocks = []
    while block := list(islice(rows, _ROWS)):
        blocks.append(pd.DataFrame(block, columns=list(columns), dtype="str"))
    return pd.concat(blocks, ignore_index=True) if blocks else pd.DataFrame(columns=list(columns))


@contextmanager
def _csv_rows(path: Path) -> Iterator[Iterator[tuple[int, list[str]]]]:
    """The lines on which rows begin, with their fields, the header first."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield _fields(path, csv.reader(file, delimiter=_SEPARATORS[path.suffix.lower()], strict=True))
    finally:
        csv.field_size_limit(limit)


def _fields(path: Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    # The csv module alone reports quotes that do not match; pandas would join the rows between them.
    line, width = 1, 0
    try:
        for row in reader:
            width = width or len(row)
            if row and len(row) != width:
                raise BadInput(
                    f"{path}, line {line}, has {len(row)} fields, and the header has {width}. Put texts with "
                    "separators in double quotes, or save the rows as jsonl or parquet."
                )
            if row:
                yield line, row
            line = reader.line_num + 1
        if not width:
            raise _empty(path)
    except csv.Error as error:
        raise BadInput(
            f"{path}: the quotes of the row that begins on line {line} do not match ({error}). Write a quote "
            'inside a quoted text twice (""), or save the rows as jsonl or parquet.'
        ) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 ({error}). Save it in that encoding.") from error


def _from_objects(path: Path, columns: tuple[str, ...]) -> Iterator[list[str | None]]:
    *inputs, label = columns
    names: dict[str, None] = {}
    for line, entry in _objects(path):
        names |= dict.fromkeys(entry)
        for column in inputs:
            if not isinstance(entry.get(column, ""), str | None):
                raise BadInput(
                    f"{path}, line {line}: {column!r} is {entry[column]!r}, which is not a text. Put it in "
                    "quotes, or name another column."
                )
        value = entry.get(label)
        if isinstance(value, list | dict):
            raise BadInput(f"{path}, line {line}: {label!r} is {value!r}; give one class or number a row.")
        row = [*(entry.get(column) for column in inputs), None if value is None else str(value)]
        _check_characters(path, line, dict(zip(columns, row, strict=True)))
        yield row
    _check_columns(str(path), list(names), columns)


def _check_characters(path: Path, line: int, cells: dict[str, str | None]) -> None:
    for column, text in cells.items():
        if text and (half := _LONE_SURROGATE.search(text)):
            raise BadInput(
                f"{path}, line {line}: {column!r} has {half[0]!r}, which is half of a character. Write both "
                "halves, or remove it."
            )


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The numbers of the lines that are not blank, with their objects."""
    number = blank = 0
    with path.open(encoding="utf-8-sig") as file:
        try:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    blank += 1
                    continue
                entry = json.loads(line)
                if not isinstance(entry, dict):
                    raise ValueError(f"it is {type(entry).__name__}, not an object with names and values")
                yield number, entry
            if blank == number:
                raise _empty(path)
        except UnicodeDecodeError as error:
            raise BadInput(f"{path} is not UTF-8 ({error}). Save it in that encoding.") from error
        except BadInput:
            raise
        except ValueError as error:
            raise BadInput(
                f"{path}, line {number}, is not JSON ({error}). Write one object a line."
            ) from error


def _parquet_names(path: Path) -> list[str]:
    try:
        return pyarrow.parquet.read_schema(path).names
    except (OSError, pyarrow.ArrowException) as error:
        raise parquet.unreadable(path, error) from error
