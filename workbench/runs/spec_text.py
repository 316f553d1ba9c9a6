"""Spec files as they are written by `RunSpec.to_yaml`: entries that many files share are read once."""

import re
from functools import lru_cache
from typing import Any, TypeVar

import yaml

from workbench.files import parse_yaml

Settings = TypeVar("Settings")

# An entry and the lines that belong to it. With these characters alone, none depends on another entry.
_ENTRY = re.compile(r"[a-z_]+:(?: [\w .:/+-]*)?\n(?:(?: |- )[\w .:/+-]*\n)*", re.ASCII)
# The specs of a store differ in few entries, such as the seed.
_ENTRIES = 4096


class Shared(dict):
    """The value of an entry, shared by all specs that have the same text there: not to be changed."""

    def __init__(self, values: dict[str, Any]):
        super().__init__(values)
        self.made: dict[type, Any] = {}


def parse_spec(text: str) -> Any:
    """What `parse_yaml` returns, or raises, with mappings that are `Shared` where the text allows it."""
    entries = _ENTRY.findall(text)
    if not entries or "".join(entries) != text:
        return parse_yaml(text)
    try:
        plain = dict(map(_parsed, entries))
    except yaml.YAMLError:
        return parse_yaml(text)
    return plain if len(plain) == len(entries) else parse_yaml(text)


def made(cls: type[Settings], values: dict[str, Any]) -> Settings:
    """An object of a settings class with these values; one for all specs that share them."""
    kept = values.made if isinstance(values, Shared) else {}
    if cls not in kept:
        named = {name: value for name, value in values.items() if not (name == "id" and hasattr(cls, "id"))}
        kept[cls] = cls(**named)
    return kept[cls]


@lru_cache(_ENTRIES)
def _parsed(entry: str) -> tuple[Any, Any]:
    ((name, value),) = parse_yaml(entry).items()
    return name, Shared(value) if isinstance(value, dict) else value
