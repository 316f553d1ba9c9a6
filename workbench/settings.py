"""Frozen, validated dataclasses of hyper-parameters, used by engines and run specs.

Pydantic checks types and bounds. This module turns its errors into one sentence each, and turns the values
that differ from their defaults into the plain data that names run folders.
"""

import dataclasses
import functools
from typing import Annotated, Any, dataclass_transform, get_args

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass as validated_dataclass

from workbench.errors import BadInput, unknown

Sparsity = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Warmup = Annotated[float, Field(ge=0, lt=1)]


@dataclass_transform(kw_only_default=True, frozen_default=True)
def settings(cls: type) -> type:
    """Class decorator: makes a frozen, keyword-only dataclass whose constructor checks its values.

    Raises (from the class's constructor):
        BadInput: a name is unknown, or a value has the wrong type or is out of bounds. A `ValueError` from
            the class's own `__post_init__` is raised as `BadInput` with the same message.
    """
    config = ConfigDict(extra="forbid")
    cls = validated_dataclass(cls, frozen=True, kw_only=True, config=config)
    construct = cls.__init__

    @functools.wraps(construct)
    def checked(self, *args, **values):
        try:
            construct(self, *args, **values)
        except ValidationError as error:
            raise _bad_input(cls, error) from None

    cls.__init__ = checked
    return cls


# Replaces pydantic's messages that name no remedy.
_MESSAGES = {
    "tuple_type": "it should be a list, such as [a, b]",
    "dataclass_type": "it has settings of its own, such as {name}.NAME=VALUE",
    "dict_type": "write names with values",
    "too_short": "it should have at least one value",
}


def _bad_input(cls: type, error: ValidationError) -> BadInput:
    # An unknown name is often the reason why another is missing.
    first = min(error.errors(), key=lambda each: each["type"] != "unexpected_keyword_argument")
    if first["type"] == "value_error":
        return BadInput(str(first["ctx"]["error"]))
    *outer, name = first["loc"]
    for part in outer:  # descend into nested settings
        inner = {field.name: field.type for field in dataclasses.fields(cls)}.get(part)
        inner = next(iter(get_args(inner)), inner)  # of an annotated type, the type
        if not dataclasses.is_dataclass(inner):
            name = part
            break
        cls = inner
    owner = getattr(cls, "id", None) or getattr(cls, "called", cls.__name__)
    if first["type"] == "unexpected_keyword_argument":
        return unknown(f"setting of {owner}", name, names(cls))
    if first["type"] == "missing":
        return BadInput(f"{owner} needs a value for {name}.")
    message = _MESSAGES.get(first["type"], first["msg"].replace("Input", "it")).format(name=name)
    return BadInput(f"{owner}: {name} is {first['input']!r}; {message}.")


def names(cls: type) -> list[str]:
    """The names of a class's settings, in order."""
    return [field.name for field in dataclasses.fields(cls)]


def to_plain(value: Any, *, changed_only: bool = False) -> Any:
    """Converts settings to dictionaries, lists and scalars, for YAML or JSON.

    Args:
        value: a settings object, or any value that one may hold.
        changed_only: omit settings with their default value.
    """
    if isinstance(value, tuple | list):
        return [to_plain(item, changed_only=changed_only) for item in value]
    if not dataclasses.is_dataclass(value):
        return value
    plain = {"id": value.id} if hasattr(value, "id") else {}
    for name, default in _defaults(type(value)):
        current = getattr(value, name)
        if changed_only and current == default:
            continue
        plain[name] = to_plain(current, changed_only=changed_only)
    return plain


def flat(plain: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flattens nested dictionaries into one with dotted keys: {"a": {"b": 1}} becomes {"a.b": 1}."""
    values: dict[str, Any] = {}
    for name, value in plain.items():
        values |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return values


@functools.cache
def _defaults(cls: type) -> tuple[tuple[str, Any], ...]:
    """The names of a class's settings with their defaults, in order."""
    made = dataclasses.MISSING
    return tuple(
        (field.name, field.default if field.default_factory is made else field.default_factory())
        for field in dataclasses.fields(cls)
    )
