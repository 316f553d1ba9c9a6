"""Graded similarity of two events: the weighted sum of what they share, from 0 to 5.

The deed counts 1.5, agent and patient 1.25 each, the place 0.6 and the time 0.4. A person who is the agent of
one event and the patient of the other does not count.
"""

from workbench.tasks.synth.draw import Draw
from workbench.tasks.synth.events import Event, event, render

WEIGHTS = {"deed": 1.5, "agent": 1.25, "patient": 1.25, "place": 0.6, "time": 0.4}


def example(draw: Draw) -> tuple[str, str, float]:
    """Two sentences and their similarity in [0, 5], in steps of 0.05."""
    first, other = event(draw), event(draw)
    keep = draw.pick((0.0, 0.3, 0.5, 0.7, 0.9, 1.0))
    kept = {name: getattr(first if draw.chance(keep) else other, name) for name in WEIGHTS}
    if kept["agent"] == kept["patient"]:
        kept["patient"] = first.patient if kept["agent"] != first.patient else first.agent
    if draw.chance(0.15):
        kept["agent"], kept["patient"] = kept["patient"], kept["agent"]
    second = Event(**kept)
    score = sum(weight for name, weight in WEIGHTS.items() if getattr(first, name) == getattr(second, name))
    return render(draw, first, draw.chance(0.5)), render(draw, second, draw.chance(0.5)), round(score, 2)
