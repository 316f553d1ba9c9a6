"""Atomic file writes: a reader sees the old file, the new file or no file, never a partial one."""

import errno
import json
import os
import platform
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import yaml

from workbench.errors import BadInput, Stopped

# Shared file systems show a new file to other machines within this time.
_VISIBLE_SECONDS = 60.0


def write_atomic(path: str | Path, write: Callable[[Path], None]) -> Path:
    """Lets `write` write a temporary file next to `path`, then renames it into place.

    Args:
        path: the file to create or replace; its folder is created if missing.
        write: called with the temporary path; must create that file.

    Raises:
        BadInput: the folder cannot exist.
        Stopped: the disk is full or read-only. The temporary file is deleted and `path` is unchanged.
    """
    path = Path(path)
    # Processes of two machines may have one id.
    temporary = path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if not disk_trouble(error):
            raise BadInput(f"cannot write {path}: {error}. Choose another location.") from error
        raise Stopped(f"could not write {path}: {disk_trouble(error)}. Choose another location.") from error
    try:
        temporary.touch()
        mode = temporary.stat().st_mode
        write(temporary)
        temporary.chmod(mode)  # safetensors creates files that other users cannot read
        os.replace(temporary, path)
    except Exception as error:
        if reason := disk_trouble(error):
            raise Stopped(
                f"could not write {path}: {reason}. Everything saved before is intact; "
                "free some space or choose another --store, then run the same command to resume."
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
    return path


def check_place(path: str | Path) -> None:
    """Rejects, before any work starts, a path that `write_atomic` could not write.

    Raises:
        BadInput: the path is a folder, or one of its parents is not a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise BadInput(f"{path} is a folder. Give the name of a file in it.")
    parent = next(parent for parent in path.absolute().parents if parent.exists())
    if not parent.is_dir():
        raise BadInput(f"cannot write {path}: {parent} is not a folder. Choose another location.")


def write_text(path: str | Path, text: str) -> Path:
    """Writes UTF-8 `text` atomically."""
    return write_atomic(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path: str | Path, value: Any) -> Path:
    """Writes `value` as indented JSON atomically; NaN and infinity raise `ValueError`."""
    return write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Reads a JSON file.

    Raises:
        BadInput: the file is not valid JSON.
    """
    try:
        return json.loads(read_bytes(path).decode())
    except ValueError as error:
        raise BadInput(
            f"{path} is damaged ({error}). Delete its folder to have the contents created again."
        ) from error


def read_bytes(path: str | Path) -> bytes:
    """A file's content, with less overhead than `Path.read_bytes`: a store has thousands of small files."""
    with open(path, "rb", buffering=0) as file:
        return file.read()


def text_metadata(content: bytes) -> dict[str, str]:
    """The text metadata of a safetensors file, out of its content."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return header.get("__metadata__", {})


def read_yaml(path: str | Path, parse: Callable[[str], Any] | None = None) -> Any:
    """Reads a YAML file that may be handwritten.

    Args:
        path: the file.
        parse: from its text to what it holds; by default `parse_yaml`.

    Raises:
        BadInput: the file does not exist, is not valid YAML, or has a duplicate key (YAML itself would keep
            the last one).
    """
    try:
        return (parse or parse_yaml)(read_bytes(path).decode())
    except FileNotFoundError as error:
        raise BadInput(f"{path} does not exist. Check the path.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{path} is not readable YAML: {' '.join(str(error).split())}. Correct it.") from error


def parse_yaml(text: str) -> Any:
    """What a YAML text holds; 2:4 is text, and not a number to the base 60 as in YAML 1.1.

    Raises:
        yaml.YAMLError: it is not valid YAML, or has a duplicate key.
    """
    return yaml.load(text, Loader=_Loader)


_TEXT = "tag:yaml.org,2002:str"
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$")


# libyaml parses a spec ten times as fast as Python, where PyYAML was built with it.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    yaml_implicit_resolvers: ClassVar = {
        first: [(_TEXT, _BASE_60), *resolvers] if first in "+-0123456789" else resolvers
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"{key.value} occurs twice in a mapping", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def appears(*paths: Path) -> bool:
    """Whether one of some files, which another machine may have written, is there now or within a minute."""
    deadline = time.monotonic() + _VISIBLE_SECONDS
    while not any(path.exists() for path in paths):
        if time.monotonic() > deadline:
            return False
        time.sleep(1.0)
    return True


def disk_trouble(error: BaseException) -> str | None:
    """Why the disk rejected a write, or None if `error` has another cause."""
    reasons = {
        errno.ENOSPC: "no space left on the disk",
        errno.EDQUOT: "the disk quota is exceeded",
        errno.EROFS: "the disk is read-only",
        errno.EACCES: "permission denied",
    }
    if isinstance(error, OSError) and error.errno in reasons:
        return reasons[error.errno]
    # safetensors is written in Rust and reports the system error as text.
    text = str(error)
    return next((reasons[code] for code in reasons if f"os error {code}" in text), None)
