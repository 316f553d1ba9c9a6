"""Grouping of matrices by layer, by type, and by ranking scope."""

from collections.abc import Iterable

from workbench.errors import unknown


def layer_index(name: str) -> int | None:
    """The layer number in a parameter name: 3 for "bert.encoder.layer.3.output.dense.weight".

    This is the first part of the name that is a number; None if there is none.
    """
    return next((int(part) for part in name.split(".") if part.isdecimal()), None)


def matrix_type(name: str) -> str:
    """The type of a matrix, independent of its layer.

    This is the parameter name after the layer number and without ".weight": "attention.self.query" for
    "bert.encoder.layer.3.attention.self.query.weight". A name without a layer number is its own type.
    """
    parts = name.removesuffix(".weight").split(".")
    layer = next((i for i, part in enumerate(parts) if part.isdecimal()), -1)
    return ".".join(parts[layer + 1 :] or parts)


def groups(names: Iterable[str], scope: str) -> dict[str, list[str]]:
    """Groups names that share one budget of kept weights, in the order of `names`.

    Args:
        names: parameter names.
        scope: "matrix" (one group each), "type" (see `matrix_type`) or "global" (one group for all).

    Raises:
        BadInput: the scope is unknown.
    """
    if scope not in _GROUP_OF:
        raise unknown("scope", scope, SCOPES)
    grouped: dict[str, list[str]] = {}
    for name in names:
        grouped.setdefault(_GROUP_OF[scope](name), []).append(name)
    return grouped


_GROUP_OF = {"matrix": str, "type": matrix_type, "global": lambda name: "all matrices"}
SCOPES = tuple(_GROUP_OF)
