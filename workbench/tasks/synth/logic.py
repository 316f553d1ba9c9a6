"""Statements about all, some, none or not all of a class, and what follows from them.

A statement is "Q N V": N is a class of beings or a named part of it (young farmers), V an act or a
narrower one (danced slowly). Whether one statement follows from another is found by going through
every way in which beings can be spread over the six combinations of the two, classes being non-empty:
no rule of inference is written down, so none can be wrong.
"""

from functools import cache
from itertools import product
from typing import NamedTuple

ENTAILMENT, NEUTRAL, CONTRADICTION = range(3)


class Statement(NamedTuple):
    """A quantifier ("all", "some", "no", "not all"), and whether noun and act are the narrow ones."""

    quantifier: str
    narrow_noun: bool
    narrow_act: bool


# A being is (in the narrow class, acts, acts in the narrow way).
BEINGS = tuple(product((False, True), ((False, False), (True, False), (True, True))))
STATEMENTS = tuple(
    Statement(*parts) for parts in product(("all", "some", "no", "not all"), (False, True), (False, True))
)


@cache
def relation(premise: Statement, hypothesis: Statement) -> int:
    """0 where `hypothesis` follows from `premise`, 2 where it contradicts it, else 1."""
    verdicts = {_holds(hypothesis, world) for world in _worlds() if _holds(premise, world)}
    if len(verdicts) == 2:
        return NEUTRAL
    return ENTAILMENT if verdicts == {True} else CONTRADICTION


@cache
def _worlds() -> tuple[tuple, ...]:
    """Every set of kinds of beings in which the narrow class has a member."""
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
    """The statements to which `hypothesis` stands in the relation `wanted`; there is always one."""
    return [premise for premise in STATEMENTS if relation(premise, hypothesis) == wanted]
