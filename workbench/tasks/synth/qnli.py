"""Question answering by lookup: does a sentence that states one or two facts answer the question?

Half of the pairs of facts that do not answer it have the same words as a pair that does, combined
differently: the word in question occurs, but in the other fact.
"""

from dataclasses import dataclass, replace

from workbench.tasks.synth.draw import Draw
from workbench.tasks.synth.lexicon import DEALS, PEOPLE, PLACES, THINGS, Verb


@dataclass(frozen=True)
class Fact:
    """Somebody did something with a thing, perhaps at a known place."""

    person: str
    deal: Verb
    thing: str
    place: str

    def __str__(self) -> str:
        return f"the {self.person} {self.deal.past} a {self.thing} {self.place}".strip()


# Each question, and the parts of the fact that it involves.
QUESTIONS = (
    ("what did the {f.person} {f.deal.base} ?", ("person", "deal")),
    ("who {f.deal.past} the {f.thing} ?", ("deal", "thing")),
    ("where did the {f.person} {f.deal.base} the {f.thing} ?", ("person", "deal", "thing", "place")),
)


def example(draw: Draw) -> tuple[str, str, int]:
    """Question, sentence, and 0 if the sentence answers the question, else 1."""
    facts = _facts(draw)
    question, named = draw.pick(QUESTIONS)
    if "place" in named:
        facts[0] = replace(facts[0], place=draw.pick(PLACES))
    answered = draw.chance(0.5)
    stated = facts if answered else _unanswering(draw, facts, draw.pick(named))
    if draw.chance(0.4):
        stated = stated[:1]
    elif draw.chance(0.5):
        stated = stated[::-1]
    return question.format(f=facts[0]), " and ".join(map(str, stated)), int(not answered)


def _facts(draw: Draw) -> list[Fact]:
    """Two facts with nothing in common."""
    columns = (draw.distinct(words, 2) for words in (PEOPLE.nouns, DEALS, THINGS, PLACES))
    return [
        Fact(person, deal, thing, place if draw.chance(0.6) else "")
        for person, deal, thing, place in zip(*columns, strict=True)
    ]


def _unanswering(draw: Draw, facts: list[Fact], part: str) -> list[Fact]:
    """The facts with `part` of the first one swapped with the second's, or replaced by something new."""
    first, second = facts
    if part == "place":
        return [replace(first, place=""), replace(second, place=first.place)]
    if draw.chance(0.5):
        mine, other = getattr(first, part), getattr(second, part)
        return [replace(first, **{part: other}), replace(second, **{part: mine})]
    fresh = getattr(first, part)
    while fresh in (getattr(first, part), getattr(second, part)):
        fresh = getattr(_facts(draw)[0], part)
    return [replace(first, **{part: fresh}), second]
