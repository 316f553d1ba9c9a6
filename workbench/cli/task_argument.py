"""The task that the arguments of a command name."""

import argparse
from pathlib import Path
from typing import Any

from workbench.cli.task_options import TASK_OPTIONS
from workbench.errors import BadInput
from workbench.tasks import add_task, canonical_id
from workbench.tasks.own import FORMATS, is_file_name


def task_of(options: argparse.Namespace, accept_repeated: bool) -> str | None:
    """The id of the task; None if none is named.

    Args:
        options: of the command.
        accept_repeated: as in `add_task`.

    Raises:
        BadInput: there is no such task, or a data file and its columns do not fit together.
    """
    named = [f"--{name}" for name in TASK_OPTIONS if getattr(options, name)]
    if named and (options.task is None or Path(options.task).suffix.lower() not in FORMATS):
        subject = "no TASK is given" if options.task is None else f"TASK is {options.task}"
        raise BadInput(
            f"{', '.join(named)}: these describe a data file ({', '.join(FORMATS)}), and {subject}. Name a "
            "data file, or leave them out."
        )
    if options.task is None:
        return None
    if not is_file_name(options.task):
        return canonical_id(options.task)
    return add_task(options.task, accept_repeated=accept_repeated, **_columns(options))


def _columns(options: argparse.Namespace) -> dict[str, Any]:
    if options.text and options.image:
        raise BadInput("--text and --image: the inputs are texts or images. Leave one out.")
    columns: dict[str, Any] = {}
    if inputs := options.text or [options.image] * bool(options.image):
        columns |= {"inputs": tuple(inputs), "modality": "images" if options.image else "text"}
    if options.label:
        columns["label"] = options.label
    if options.dev:
        columns["dev"] = _number_or_file(options.dev)
    return columns | ({"regression": True} if options.regression else {})


def _number_or_file(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
