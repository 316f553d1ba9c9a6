"""From the cells of data files to the rows of a task: texts or images, and labels as numbers."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.errors import BadInput
from workbench.tasks.images import rgb
from workbench.tasks.own.definition import LABEL, OwnTask
from workbench.tasks.own.reading import Part
from workbench.tasks.task import Modality

_IMAGE_FILES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
_SHOWN = 8


def cleaned(parts: Sequence[Part], definition: OwnTask) -> tuple[pd.DataFrame, int, Modality]:
    """The rows of all files of a split.

    A row is dropped if it has no text in any input column; a missing text beside another is an empty one.

    Args:
        parts: the files' rows, the same columns in each.
        definition: of the task.

    Returns:
        the input columns (str, or bytes of image files) with the "label" as a text; the number of dropped
        rows; and the kind of input.

    Raises:
        BadInput: an input is not a text or an image, or a label is missing.
    """
    modality = definition.modality or _found_modality(parts[0], definition)
    if modality == "images" and len(definition.inputs) > 1:
        raise BadInput(f"inputs is {', '.join(definition.inputs)}; name one column of images.")
    frames, dropped = [], 0
    for part in parts:
        cells = part.frame
        if modality == "images":
            inputs = {column: _images(part, column) for column in definition.inputs}
        else:
            inputs = {column: _texts(part, column) for column in definition.inputs}
            empty = np.all([text.str.strip().eq("") for text in inputs.values()], axis=0)
            dropped += int(empty.sum())
            cells = cells[~empty]
            inputs = {column: text[~empty] for column, text in inputs.items()}
        frames.append(pd.DataFrame(inputs | {LABEL: _labels(part.origin, cells[definition.label])}))
    frame = frames[0] if len(frames) == 1 else pd.concat(frames)
    if frame.empty:
        raise BadInput(
            f"{parts[0].origin} has no row with a text in {', '.join(definition.inputs)}. Name other columns."
        )
    return frame.reset_index(drop=True), dropped, modality


def targets(labels: pd.Series, origin: str) -> pd.Series:
    """Labels of a regression task as float32.

    Raises:
        BadInput: a label is not a finite number, or all are equal.
    """
    values = pd.to_numeric(labels, errors="coerce").astype("float32")
    if (bad := ~np.isfinite(values)).any():
        raise BadInput(
            f"{origin} has the label {labels[bad].iloc[0]!r}; {int(bad.sum()):,} of its {len(labels):,} "
            f"labels are not finite numbers. Correct them, or leave regression out."
        )
    if values.nunique() == 1:
        raise BadInput(f"all labels of {origin} are {values.iloc[0]:g}; there is nothing to learn.")
    return values


def found_classes(labels: pd.Series, origin: str) -> tuple[str, ...]:
    """The classes that occur in labels, sorted; whole numbers by their value.

    Raises:
        BadInput: there is one class only; words and numbers are mixed; or there are numbers with fractions,
            or about as many classes as rows.
    """
    counts = _plain(labels).value_counts()
    numbers = pd.to_numeric(pd.Series(counts.index), errors="coerce")
    if len(counts) == 1:
        raise BadInput(
            f"all {len(labels):,} labels of {origin} are {counts.index[0]!r}; it takes two classes to learn "
            "something. Name another column, or other rows."
        )
    if numbers.isna().any() and numbers.notna().any():
        word = counts.index[numbers.isna()][0]
        raise BadInput(
            f"the labels of {origin} mix numbers, such as {counts.index[numbers.notna()][0]}, with words: "
            f"{word!r} in {counts[word]:,} of {len(labels):,} rows. Correct them, or list the classes under "
            "labels."
        )
    fractions = numbers.notna().all() and (numbers % 1 != 0).any()
    if fractions or len(counts) > max(2, len(labels) / 2):
        raise BadInput(
            f"the labels of {origin} are {len(counts):,} different {'numbers' if fractions else 'classes'} "
            f"in {len(labels):,} rows, such as {counts.index[0]}. Name a column of classes, or predict "
            "numbers with regression: true (--regression)."
        )
    return tuple(sorted(counts.index, key=float if numbers.notna().all() else None))


def are_numbers(labels: Iterable[pd.Series], names: tuple[str, ...]) -> bool:
    """Whether no label of any split is a class's name, so that all must be numbers of classes, from 0."""
    known = _plain(pd.Series(names, dtype="str"))
    return not any(_plain(split).isin(known).any() for split in labels)


def class_numbers(labels: pd.Series, names: tuple[str, ...], origin: str, numbered: bool) -> pd.Series:
    """Labels as int64 numbers of classes.

    Args:
        labels: of a split.
        names: of the classes.
        origin: of the split, for messages.
        numbered: whether the labels are numbers of classes, from 0, instead of names.

    Raises:
        BadInput: a label is no class.
    """
    plain_names = _plain(pd.Series(names, dtype="str"))
    if plain_names.duplicated().any():
        raise BadInput(
            f"labels is {list(names)}, in which two are the same number. Give each class a name of its own."
        )
    known = map(str, range(len(names))) if numbered else plain_names
    values = _plain(labels).map({name: i for i, name in enumerate(known)})
    if (bad := values.isna()).any():
        counts = labels[bad].value_counts()
        more = f" and {len(counts) - 1} more class{'es' if len(counts) > 2 else ''}"
        others = "" if len(counts) == 1 else more
        raise BadInput(
            f"{origin} has the label {counts.index[0]!r} in {counts.iloc[0]:,} rows{others}, which is not "
            f"among the classes of train: {_listed(names)}. Correct it, or list all classes under labels."
        )
    return values.astype("int64")


def check_learnt(train: pd.Series, dev: pd.Series, names: tuple[str, ...], origin: str) -> None:
    """Refuses a dev split with a class of which train has no example.

    Raises:
        BadInput: dev has one.
    """
    if missing := sorted(set(dev) - set(train)):
        raise BadInput(
            f"{origin} has the label {names[missing[0]]!r} in {int((dev == missing[0]).sum()):,} rows, and "
            f"no row of train has it; train has {_listed(names[i] for i in sorted(set(train)))}. Add such "
            "rows to train, or remove them from dev."
        )


def _plain(labels: pd.Series) -> pd.Series:
    """Labels with whole numbers as such, which a column with missing cells, since dropped, keeps as 1.0."""
    return labels.str.replace(r"^(-?\d+)\.0+$", r"\1", regex=True)


def _found_modality(part: Part, definition: OwnTask) -> Modality:
    cells = part.frame[definition.inputs[0]].dropna()
    first = cells.iloc[0] if len(cells) else ""
    if isinstance(first, bytes | dict):
        return "images"
    names = len(cells) and all(isinstance(cell, str) and _is_image_file(cell) for cell in cells.iloc[:100])
    return "images" if names and len(definition.inputs) == 1 else "text"


def _is_image_file(name: str) -> bool:
    return Path(name).suffix.lower() in _IMAGE_FILES


def _texts(part: Part, column: str) -> pd.Series:
    cells = part.frame[column]
    texts = cells.astype("str") if isinstance(cells.dtype, pd.CategoricalDtype) else cells
    strange = texts.dropna()
    strange = strange[[not isinstance(cell, str) for cell in strange]]
    if len(strange):
        raise BadInput(
            f"{column!r} of {part.origin} is {strange.iloc[0]} in row {strange.index[0] + 1}, which is not "
            "a text. Name a column of texts, or save them as texts."
        )
    texts = texts.fillna("").astype("str")
    sample = texts[texts != ""]
    if len(sample) and _are_numbers(sample.iloc[:100]) and _are_numbers(sample):
        raise BadInput(
            f"{column!r} of {part.origin} has numbers, such as {sample.iloc[0]}, in all {len(sample):,} "
            "rows, and no texts. Name a column of texts."
        )
    return texts


def _are_numbers(texts: pd.Series) -> bool:
    return bool(pd.to_numeric(texts, errors="coerce").notna().all())


def _images(part: Part, column: str) -> list[bytes]:
    return [_image(cell, part, row) for row, cell in enumerate(part.frame[column], 1)]


def _image(cell: object, part: Part, row: int) -> bytes:
    data = _image_file(cell, part, row)
    # Decoded again for the model, whose size is not known here, where a message can name the row.
    rgb(data, f"the image in row {row} of {part.origin}")
    return data


def _image_file(cell: object, part: Part, row: int) -> bytes:
    if isinstance(cell, dict):  # as the Hub's data sets have them
        cell = cell.get("bytes") or cell.get("path")
    if isinstance(cell, bytes):
        return cell
    if not isinstance(cell, str) or not cell:
        raise BadInput(f"{part.origin} has no image in row {row}. Remove the row, or name another column.")
    try:
        return (part.folder / cell).read_bytes()
    except OSError as error:
        raise BadInput(
            f"{part.origin} names the image {cell} in row {row}, which cannot be read ({error.strerror}). "
            "Names are relative to the file that has them."
        ) from error


def _labels(origin: str, cells: pd.Series) -> pd.Series:
    labels = cells.astype("str").str.strip()
    if (missing := cells.isna() | labels.str.lower().isin(["", "nan"])).any():
        raise BadInput(
            f"{origin} has no label in {int(missing.sum()):,} of its {len(labels):,} rows, row "
            f"{int(missing[missing].index[0]) + 1} first. Fill them in, or remove those rows."
        )
    return labels


def _listed(names) -> str:
    names = list(names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
