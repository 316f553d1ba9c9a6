"""Writing files so that a reader sees the old one, the new one, or none, never half of one."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from workbench.errors import BadInput, Stopped


def write_atomic(path: str | Path, write: Callable[[Path], None]) -> Path:
    """Lets `write` fill a temporary neighbour of `path`, then renames it into place.

    Args:
        path: the file to make or replace; its folder is made where it is missing.
        write: called with the temporary path; must create that file.

    Raises:
        BadInput: there can be no such folder.
        Stopped: the disk is full or read-only. The temporary file is gone and `path` is as it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if not disk_trouble(error):
            raise BadInput(f"cannot write {path}: {error}. Name a place that can have folders.") from error
        raise Stopped(f"could not write {path}: {disk_trouble(error)}. Choose another place.") from error
    try:
        temporary.touch()
        mode = temporary.stat().st_mode
        write(temporary)
        temporary.chmod(mode)  # safetensors makes files that nobody else can read
        os.replace(temporary, path)
    except Exception as error:
        if reason := disk_trouble(error):
            raise Stopped(
                f"could not write {path}: {reason}. What was saved before is intact; "
                "free some space or choose another --store, then run the same command to go on."
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
    return path


def check_place(path: str | Path) -> None:
    """Refuses, before work starts, a file that `write_atomic` could not make room for.

    Raises:
        BadInput: it is a folder, or something above it is none.
    """
    path = Path(path)
    if path.is_dir():
        raise BadInput(f"{path} is a folder; give the name of a file in it.")
    above = next(place for place in path.absolute().parents if place.exists())
    if not above.is_dir():
        raise BadInput(f"cannot write {path}: {above} is no folder. Name another place.")


def write_text(path: str | Path, text: str) -> Path:
    """Writes UTF-8 `text` atomically."""
    return write_atomic(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path: str | Path, value: Any) -> Path:
    """Writes `value` as indented JSON atomically; NaN and infinity are refused."""
    return write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """The value in a JSON file.

    Raises:
        BadInput: the file is truncated or edited.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(
            f"{path} is damaged ({error}). Delete its folder; what stood in it is then made again."
        ) from error


def read_yaml(path: str | Path) -> Any:
    """The value in a YAML file that a person may have written.

    Raises:
        BadInput: there is no such file, it is no YAML, or a name stands twice in a mapping, of which YAML
            would keep the last.
    """
    try:
        return yaml.load(Path(path).read_text(encoding="utf-8"), Loader=_UniqueNames)
    except FileNotFoundError as error:
        raise BadInput(f"{path} is not readable: there is no such file.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{path} is not readable YAML: {' '.join(str(error).split())}. Mend it.") from error


class _UniqueNames(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for name in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if name.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"{name.value} stands twice in a mapping", problem_mark=name.start_mark
                )
            seen.add(name.value)
        return super().construct_mapping(node, deep)


def disk_trouble(error: BaseException) -> str | None:
    """What the disk has against a write, or None where `error` is about something else."""
    reasons = {
        errno.ENOSPC: "no space left on the disk",
        errno.EDQUOT: "the disk quota is used up",
        errno.EROFS: "the disk is read-only",
        errno.EACCES: "permission denied",
    }
    if isinstance(error, OSError) and error.errno in reasons:
        return reasons[error.errno]
    # safetensors is written in Rust and reports the system's error as text.
    text = str(error)
    return next((reasons[code] for code in reasons if f"os error {code}" in text), None)
