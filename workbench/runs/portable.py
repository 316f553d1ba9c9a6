"""Plain data without the paths of the machine that it was made on."""

from pathlib import Path
from typing import Any


def without_paths(value: Any) -> Any:
    """Plain data with only the last part of each path that is absolute or begins with a dot or a tilde.

    Others, such as "glue/rte", remain: they look like ids and say nothing about a machine.
    """
    if isinstance(value, dict):
        return {key: without_paths(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [without_paths(entry) for entry in value]
    return Path(value).name if isinstance(value, str) and _is_path(value) else value


def _is_path(text: str) -> bool:
    # A lone "/" is a token of many vocabularies.
    return text.startswith(("/", "~", "./", "../")) and "/" in text.strip("/") and "\n" not in text
