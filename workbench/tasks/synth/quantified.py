"""Turns the statements of `logic` into sentences with the words of a lexicon."""

from typing import NamedTuple

from workbench.tasks.synth.draw import Draw
from workbench.tasks.synth.lexicon import Lexicon, Verb
from workbench.tasks.synth.logic import Statement


class Topic(NamedTuple):
    """A noun and an act, and their restrictions: `kind` or `origin` for the noun, `manner` for the act."""

    noun: str
    kind: str
    origin: str
    act: Verb
    manner: str


def topic(draw: Draw, lexicon: Lexicon) -> Topic:
    """A random topic whose noun is restricted by an adjective or a phrase, not both."""
    by_kind = draw.chance(0.5)
    return Topic(
        draw.pick(lexicon.nouns),
        draw.pick(lexicon.kinds) if by_kind else "",
        "" if by_kind else draw.pick(lexicon.origins),
        draw.pick(lexicon.acts),
        draw.pick(lexicon.manners),
    )


def render(draw: Draw, statement: Statement, topic: Topic) -> str:
    """A random wording of `statement` about `topic`."""
    one, many = (_noun(topic, statement.narrow_noun, ending) for ending in ("", "s"))
    manner = f" {topic.manner}" if statement.narrow_act else ""
    did, do = topic.act.past + manner, topic.act.base + manner
    wordings = {
        "all": (f"all {many} {did}", f"every {one} {did}", f"each of the {many} {did}"),
        "some": (f"some {many} {did}", f"at least one {one} {did}", f"one of the {many} {did}"),
        "no": (f"no {one} {did}", f"none of the {many} {did}", f"not one {one} {did}"),
        "not all": (f"not all {many} {did}", f"some {many} did not {do}", f"not every {one} {did}"),
    }
    return draw.pick(wordings[statement.quantifier])


def _noun(topic: Topic, narrow: bool, ending: str) -> str:
    noun = topic.noun + ending
    return " ".join(filter(None, (topic.kind, noun, topic.origin))) if narrow else noun
