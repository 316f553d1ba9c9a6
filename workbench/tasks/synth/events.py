"""Events (who did what to whom, where and when), and different sentences that describe them."""

from dataclasses import dataclass

from workbench.tasks.synth.draw import Draw
from workbench.tasks.synth.lexicon import PLACES, SAME_DEEDS, SAME_PEOPLE, TIMES


@dataclass(frozen=True)
class Event:
    """One event. `agent`, `deed` and `patient` are sets of synonyms."""

    agent: tuple[str, ...]
    deed: tuple[str, ...]
    patient: tuple[str, ...]
    place: str
    time: str


def event(draw: Draw) -> Event:
    """A random event between two different people."""
    agent, patient = draw.distinct(SAME_PEOPLE, 2)
    return Event(agent, draw.pick(SAME_DEEDS), patient, draw.pick(PLACES), draw.pick(TIMES))


def render(draw: Draw, event: Event, passive: bool) -> str:
    """A sentence for `event`: random synonyms, active or passive voice, time at the start or the end."""
    agent, deed, patient = draw.pick(event.agent), draw.pick(event.deed), draw.pick(event.patient)
    core = f"the {patient} was {deed} by the {agent}" if passive else f"the {agent} {deed} the {patient}"
    if draw.chance(0.5):
        return f"{event.time} , {core} {event.place}"
    return f"{core} {event.place} {event.time}"
