"""Paraphrase: two descriptions of one event, or of two events that differ in one respect.

Synonyms, voice and word order vary in both classes. Swapped roles leave the words unchanged.
"""

from dataclasses import replace

from workbench.tasks.synth.draw import Draw
from workbench.tasks.synth.events import Event, event, render

CHANGES = ("roles", "roles", "agent", "patient", "deed", "place", "time")


def example(draw: Draw) -> tuple[str, str, int]:
    """Two sentences, and 1 if they mean the same, else 0."""
    same = draw.chance(0.5)
    first = event(draw)
    second = first if same else _changed(draw, first)
    return render(draw, first, draw.chance(0.5)), render(draw, second, draw.chance(0.5)), int(same)


def _changed(draw: Draw, first: Event) -> Event:
    change = draw.pick(CHANGES)
    if change == "roles":
        return replace(first, agent=first.patient, patient=first.agent)
    while True:
        other = event(draw)
        if getattr(other, change) not in (first.agent, first.patient, getattr(first, change)):
            return replace(first, **{change: getattr(other, change)})
