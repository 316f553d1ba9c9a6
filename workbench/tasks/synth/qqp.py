"""Duplicate questions: what is asked, and about what, each in several wordings.

Two questions are duplicates if both agree. Swapping cities, "with" for "without", or asking something else
changes the meaning but few of the words.
"""

from typing import NamedTuple

from workbench.tasks.synth.draw import Draw
from workbench.tasks.synth.lexicon import THINGS

# Each row has the same meaning.
FRAMES = (
    ("how can i {}", "how do i {}", "what is the best way to {}", "is there an easy way to {}"),
    ("why should i {}", "what is a good reason to {}", "why would anybody {}", "for what reason should i {}"),
    ("where can i {}", "what is the best place to {}", "which place lets me {}", "is there a place to {}"),
    ("how much does it cost to {}", "what do i pay to {}", "how much money do i need to {}"),
    ("how long does it take to {}", "how much time do i need to {}", "how many days does it take to {}"),
    ("when should i {}", "what is the best time to {}", "which month is best to {}"),
)  # fmt: skip
VERBS = (
    ("buy", "purchase"), ("repair", "fix"), ("send", "ship"), ("make", "build"), ("sell", "trade"),
    ("get", "obtain"), ("rent", "borrow"), ("move", "transport"),
)  # fmt: skip
CITIES = ("london", "paris", "berlin", "rome", "boston", "tokyo", "moscow", "delhi", "chicago", "sydney")
AIDS = ("help", "money", "insurance", "a license", "tools", "a lawyer", "training", "a car")
CHANGES = ("frame", "verb", "thing", "cities", "cities", "aid", "sign", "sign")


class Query(NamedTuple):
    """The meaning of a question; `frame` and `verb` are sets of wordings, `sign` is "with" or "without"."""

    frame: tuple[str, ...]
    verb: tuple[str, ...]
    thing: str
    cities: tuple[str, str]
    aid: str
    sign: str


def example(draw: Draw) -> tuple[str, str, int]:
    """Two questions, and 1 if they ask the same, else 0."""
    same = draw.chance(0.5)
    first = _query(draw)
    second = first if same else _changed(draw, first)
    return _render(draw, first), _render(draw, second), int(same)


def _query(draw: Draw) -> Query:
    source, target = draw.distinct(CITIES, 2)
    sign = draw.pick(("with", "without"))
    return Query(
        draw.pick(FRAMES), draw.pick(VERBS), draw.pick(THINGS), (source, target), draw.pick(AIDS), sign
    )


def _changed(draw: Draw, first: Query) -> Query:
    change = draw.pick(CHANGES)
    if change == "cities":
        return first._replace(cities=first.cities[::-1])
    other = first
    while getattr(other, change) == getattr(first, change):
        other = _query(draw)
    return first._replace(**{change: getattr(other, change)})


def _render(draw: Draw, query: Query) -> str:
    source, target = query.cities
    route = draw.pick((f"from {source} to {target}", f"to {target} from {source}"))
    parts = [f"{draw.pick(query.verb)} a {query.thing}", route, f"{query.sign} {query.aid}"]
    return draw.pick(query.frame).format(" ".join(parts)) + " ?"
