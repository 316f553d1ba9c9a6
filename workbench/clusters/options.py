"""Options that only some executors take."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from workbench.errors import BadInput


def given_options(
    kind: str, options: Mapping[str, Any], makers: Mapping[str, Callable[..., Any]]
) -> dict[str, Any]:
    """The options that an executor is made with.

    Args:
        kind: the executor.
        options: name to value; None for an option that is not given.
        makers: executor to the function that makes it, whose parameters are its options.

    Raises:
        BadInput: an option is given that the executor does not take.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        takers = [other for other, make in makers.items() if name in inspect.signature(make).parameters]
        if kind not in takers:
            others = " or ".join(takers)
            raise BadInput(f"executor {kind} takes no --{name}; leave it out, or choose --executor {others}.")
    return given
