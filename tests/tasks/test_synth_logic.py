"""The exact labels behind the generated tasks, checked against cases decided by hand."""

import pytest

from workbench.tasks.synth.logic import (
    CONTRADICTION,
    ENTAILMENT,
    NEUTRAL,
    STATEMENTS,
    Statement,
    premises,
    relation,
)

WIDE, NARROW = False, True


@pytest.mark.parametrize(
    ("premise", "hypothesis", "expected"),
    [
        # All farmers danced. All young farmers danced.
        (("all", WIDE, WIDE), ("all", NARROW, WIDE), ENTAILMENT),
        # All young farmers danced. All farmers danced.
        (("all", NARROW, WIDE), ("all", WIDE, WIDE), NEUTRAL),
        # All farmers danced slowly. Some young farmers danced.
        (("all", WIDE, NARROW), ("some", NARROW, WIDE), ENTAILMENT),
        # Some young farmers danced slowly. Some farmers danced.
        (("some", NARROW, NARROW), ("some", WIDE, WIDE), ENTAILMENT),
        # Some farmers danced. Some farmers danced slowly.
        (("some", WIDE, WIDE), ("some", WIDE, NARROW), NEUTRAL),
        # No farmer danced. No young farmer danced slowly.
        (("no", WIDE, WIDE), ("no", NARROW, NARROW), ENTAILMENT),
        # No farmer danced slowly. No farmer danced.
        (("no", WIDE, NARROW), ("no", WIDE, WIDE), NEUTRAL),
        # No farmer danced. Some young farmers danced slowly.
        (("no", WIDE, WIDE), ("some", NARROW, NARROW), CONTRADICTION),
        # No young farmer danced. All farmers danced slowly.
        (("no", NARROW, WIDE), ("all", WIDE, NARROW), CONTRADICTION),
        # Not all young farmers danced. Not all farmers danced slowly.
        (("not all", NARROW, WIDE), ("not all", WIDE, NARROW), ENTAILMENT),
        # Some farmers danced. Not all farmers danced.
        (("some", WIDE, WIDE), ("not all", WIDE, WIDE), NEUTRAL),
    ],
)
def test_relations_match_cases_decided_by_hand(premise, hypothesis, expected):
    assert relation(Statement(*premise), Statement(*hypothesis)) == expected


def test_contradiction_is_symmetric_and_entailment_is_reflexive():
    for one in STATEMENTS:
        assert relation(one, one) == ENTAILMENT
        for other in STATEMENTS:
            assert (relation(one, other) == CONTRADICTION) == (relation(other, one) == CONTRADICTION)


def test_every_hypothesis_has_a_premise_for_every_label():
    for hypothesis in STATEMENTS:
        for wanted in (ENTAILMENT, NEUTRAL, CONTRADICTION):
            assert premises(hypothesis, wanted)
