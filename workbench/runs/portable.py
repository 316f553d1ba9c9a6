"""Plain data without the paths of the machine that it was made on."""

from pathlib import Path
from typing import Any


def without_paths(value: Any) -> Any:
    """Plain data in which every path of this machine has become the last part of it.

    A Hub id looks like a path of two parts, and counts as one only where there is such a file or folder.
    """
    if isinstance(value, dict):
        return {key: without_paths(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [without_paths(entry) for entry in value]
    return Path(value).name if isinstance(value, str) and _is_path(value) else value


def _is_path(text: str) -> bool:
    # A lone "/" is a token of many vocabularies.
    if "/" not in text.strip("/") or "\n" in text:
        return False
    return text.startswith(("/", "~", "./", "../")) or Path(text).exists()
