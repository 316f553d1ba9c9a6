"""Acceptability: a grammatical sentence, or one with exactly one fault.

The faults concern agreement (across a phrase with a noun of the other number), the determiner, word order,
verb form, a missing or superfluous object, and the number of a reflexive.
"""

from workbench.tasks.synth.draw import Draw
from workbench.tasks.synth.lexicon import DEEDS, PEOPLE, PLACES, Verb

FAULTS = ("agreement", "determiner", "order", "form", "object", "reflexive")
DETERMINERS = {False: ("the", "this", "that", "every", "a"), True: ("the", "these", "those", "many", "two")}
SELF = {False: ("himself", "herself"), True: ("themselves",)}
HAVE = {False: "has", True: "have"}
MODALS = ("will", "can", "must", "should")


def example(draw: Draw) -> tuple[str, int]:
    """A sentence, and 1 if it is acceptable, else 0."""
    acceptable = draw.chance(0.5)
    fault = "" if acceptable else draw.pick(FAULTS)
    plural = draw.chance(0.5)
    subject = _subject(draw, plural, fault)
    return f"{subject} {_predicate(draw, plural, fault)}", int(acceptable)


def _subject(draw: Draw, plural: bool, fault: str) -> str:
    phrase = _noun_phrase(draw, plural, fault)
    if draw.chance(0.4):
        return phrase
    between = _noun_phrase(draw, not plural if draw.chance(0.7) else plural)
    if draw.chance(0.5):
        return f"{phrase} {draw.pick(('near', 'behind', 'beside', 'with'))} {between}"
    return f"{phrase} that {between} {draw.pick(DEEDS).past}"


def _noun_phrase(draw: Draw, plural: bool, fault: str = "") -> str:
    noun = draw.pick(PEOPLE.nouns) + ("s" if plural else "")
    kind = draw.pick(PEOPLE.kinds)
    if fault == "determiner":
        determiner = draw.pick([word for word in DETERMINERS[not plural] if word != "the"])
        return " ".join([determiner, kind, noun] if draw.chance(0.5) else [determiner, noun])
    determiner = draw.pick(DETERMINERS[plural])
    if fault == "order":
        wrong = ((determiner, noun, kind), (kind, determiner, noun), (noun, determiner))
        return " ".join(draw.pick(wrong))
    return " ".join([determiner, kind, noun] if draw.chance(0.5) else [determiner, noun])


def _predicate(draw: Draw, plural: bool, fault: str) -> str:
    transitive = fault == "reflexive" or draw.chance(0.5)
    verb = _verb_group(draw, draw.pick(DEEDS if transitive else PEOPLE.acts), plural, fault)
    has_object = transitive != (fault == "object")
    if not has_object:
        return f"{verb} {draw.pick(PLACES)}"
    if fault == "reflexive":
        return f"{verb} {draw.pick(SELF[not plural])}"
    if transitive and draw.chance(0.35):
        return f"{verb} {draw.pick(SELF[plural])}"
    return f"{verb} {_noun_phrase(draw, draw.chance(0.5))}"


def _verb_group(draw: Draw, verb: Verb, plural: bool, fault: str) -> str:
    if fault == "agreement":
        plural = not plural
    present = verb.base if plural else verb.third
    groups = [present, f"{HAVE[plural]} {verb.past}"]
    if fault == "form":
        modal = draw.pick(MODALS)
        groups = [f"{modal} {verb.third}", f"{modal} {verb.past}", f"{HAVE[plural]} {verb.base}"]
    elif fault != "agreement":
        groups.append(f"{draw.pick(MODALS)} {verb.base}")
    return draw.pick(groups)
