"""Which matrices are ranked together, and what their names say about them."""

from collections.abc import Iterable

from workbench.errors import unknown


def layer_index(name: str) -> int | None:
    """The layer number in a parameter name: 3 for "bert.encoder.layer.3.output.dense.weight".

    It is the first part that is a number; None where there is none.
    """
    return next((int(part) for part in name.split(".") if part.isdecimal()), None)


def matrix_type(name: str) -> str:
    """What a matrix is, whichever layer it is in.

    It is the parameter name after the layer number and without ".weight": "attention.self.query" for
    "bert.encoder.layer.3.attention.self.query.weight". A name without a layer number is its own type.
    """
    parts = name.removesuffix(".weight").split(".")
    layer = next((place for place, part in enumerate(parts) if part.isdecimal()), -1)
    return ".".join(parts[layer + 1 :] or parts)


def groups(names: Iterable[str], scope: str) -> dict[str, list[str]]:
    """The names that share one budget of kept weights, by group, in the order of `names`.

    Args:
        names: parameter names.
        scope: "matrix" (each for itself), "type" (see `matrix_type`) or "global" (all together).

    Raises:
        BadInput: an unknown scope.
    """
    if scope not in _GROUP_OF:
        raise unknown("scope", scope, SCOPES)
    grouped: dict[str, list[str]] = {}
    for name in names:
        grouped.setdefault(_GROUP_OF[scope](name), []).append(name)
    return grouped


_GROUP_OF = {"matrix": str, "type": matrix_type, "global": lambda name: "all matrices"}
SCOPES = tuple(_GROUP_OF)
