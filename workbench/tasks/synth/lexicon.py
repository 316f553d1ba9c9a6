"""The words of the grammars: common words that are single tokens in every BERT vocabulary.

All plurals end in "s", and each verb's past tense equals its participle, so that the grammars need no
exceptions.
"""

from dataclasses import dataclass
from typing import NamedTuple


class Verb(NamedTuple):
    """Forms of a verb: "help", "helps", "helped"."""

    base: str
    third: str
    past: str


@dataclass(frozen=True)
class Lexicon:
    """Words of the same kind, which can replace each other in any sentence.

    Attributes:
        nouns: beings that act, singular.
        kinds: adjectives that restrict a noun.
        origins: phrases that restrict a noun.
        acts: intransitive verbs.
        manners: phrases that restrict a verb.
    """

    nouns: tuple[str, ...]
    kinds: tuple[str, ...]
    origins: tuple[str, ...]
    acts: tuple[Verb, ...]
    manners: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in text.split(","))


def _verbs(text: str) -> tuple[Verb, ...]:
    """Parses verbs given as base/past; the third person adds "s" or "es"."""
    pairs = (entry.split("/") for entry in text.split())
    return tuple(
        Verb(base, base + ("es" if base.endswith(("s", "sh", "ch")) else "s"), past) for base, past in pairs
    )


PEOPLE = Lexicon(
    nouns=_words(
        "teacher doctor farmer lawyer student driver singer writer painter soldier sailor guard nurse pilot "
        "judge clerk priest banker merchant hunter"
    ),
    kinds=_words("young tall rich poor famous clever quiet tired happy brave lonely nervous polite proud"),
    origins=_phrases(
        "from the village, from the city, from the north, from the coast, with a hat, with a beard, "
        "in black, in uniform"
    ),
    acts=_verbs(
        "dance/danced laugh/laughed smile/smiled work/worked wait/waited arrive/arrived talk/talked "
        "sleep/slept appear/appeared disappear/disappeared stay/stayed survive/survived"
    ),
    manners=_phrases(
        "again, alone, in the garden, in the street, at night, after dinner, near the river, before the storm"
    ),
)

ANIMALS = Lexicon(
    nouns=_words("dog cat horse bird bear lion tiger snake frog monkey rabbit duck eagle goat cow spider"),
    kinds=_words("white brown wild huge tiny fat hungry gray lazy strange sick fast"),
    origins=_phrases(
        "from the forest, from the island, from the zoo, from the south, with a collar, with a scar, "
        "in the cage"
    ),
    acts=_verbs(
        "jump/jumped move/moved play/played turn/turned stop/stopped return/returned climb/climbed "
        "rest/rested escape/escaped suffer/suffered"
    ),
    manners=_phrases(
        "suddenly, loudly, in the barn, in the snow, at dawn, after lunch, near the fence, before the winter"
    ),
)

# Synonyms, which the grammars treat as equal in meaning.
SAME_PEOPLE = (
    ("lawyer", "attorney"), ("doctor", "physician"), ("writer", "author"), ("professor", "scholar"),
    ("robber", "thief"), ("king", "monarch"), ("boss", "manager"), ("child", "kid"), ("buyer", "customer"),
    ("priest", "clergyman"), ("singer", "vocalist"), ("soldier", "warrior"),
)  # fmt: skip
SAME_DEEDS = (
    ("helped", "assisted"), ("hired", "employed"), ("rescued", "saved"), ("followed", "pursued"),
    ("insulted", "offended"), ("attacked", "assaulted"), ("arrested", "captured"), ("warned", "alerted"),
    ("watched", "observed"), ("fired", "dismissed"), ("questioned", "interviewed"), ("injured", "hurt"),
)  # fmt: skip
PLACES = _phrases(
    "in the hotel, in the market, at the station, at the museum, in the kitchen, near the bridge, "
    "in the park, at the airport, near the church, in the library, at the harbor, in the office"
)
TIMES = _phrases(
    "yesterday, on monday, on friday, last week, last year, this morning, in june, in march, on sunday, "
    "last night"
)
# Verbs that require an object.
DEEDS = _verbs(
    "thank/thanked respect/respected invite/invited support/supported protect/protected avoid/avoided "
    "fear/feared need/needed like/liked surprise/surprised"
)
THINGS = _words(
    "book letter picture map box chair lamp bottle basket key coin ring coat mirror knife clock radio guitar"
)
DEALS = _verbs("buy/bought sell/sold find/found lose/lost steal/stole hide/hid make/made bring/brought")
