"""Statements about all, some, none or not all members of a class, and what follows from them.

A statement has the form "Q N V": N is a class of beings or a subclass (young farmers), V is an act or a
narrower act (danced slowly). Whether one statement entails another is decided by enumeration: it checks every
way in which beings can be distributed over the six combinations of the two, with non-empty classes. No
inference rules are written down, so none can be wrong.
"""

from functools import cache
from itertools import product
from typing import NamedTuple

ENTAILMENT, NEUTRAL, CONTRADICTION = range(3)


class Statement(NamedTuple):
    """A quantifier ("all", "some", "no", "not all"), and whether noun and act are narrow."""

    quantifier: str
    narrow_noun: bool
    narrow_act: bool


# A being is (in the narrow class, (acts, acts in the narrow way)).
BEINGS = tuple(product((False, True), ((False, False), (True, False), (True, True))))
STATEMENTS = tuple(
    Statement(*parts) for parts in product(("all", "some", "no", "not all"), (False, True), (False, True))
)


@cache
def relation(premise: Statement, hypothesis: Statement) -> int:
    """0 if `premise` entails `hypothesis`, 2 if the two contradict each other, else 1."""
    verdicts = {_holds(hypothesis, world) for world in _worlds() if _holds(premise, world)}
    if len(verdicts) == 2:
        return NEUTRAL
    return ENTAILMENT if verdicts == {True} else CONTRADICTION


@cache
def _worlds() -> tuple[tuple, ...]:
    """All sets of kinds of beings in which the narrow class is not empty."""
    chosen = (
        tuple(being for being, present in zip(BEINGS, flags, strict=True) if present)
        for flags in product((False, True), repeat=len(BEINGS))
    )
    return tuple(world for world in chosen if any(narrow for narrow, _ in world))


def _holds(statement: Statement, world: tuple) -> bool:
    acts = [act[statement.narrow_act] for narrow, act in world if narrow or not statement.narrow_noun]
    return {"all": all(acts), "some": any(acts), "no": not any(acts), "not all": not all(acts)}[
        statement.quantifier
    ]


def premises(hypothesis: Statement, wanted: int) -> list[Statement]:
    """The statements whose relation to `hypothesis` is `wanted`; there is always at least one."""
    return [premise for premise in STATEMENTS if relation(premise, hypothesis) == wanted]
