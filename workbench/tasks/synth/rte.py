"""Inference with quantifiers and negation, two-way, from a text of two statements."""

from workbench.tasks.synth.draw import Draw
from workbench.tasks.synth.lexicon import PEOPLE
from workbench.tasks.synth.logic import CONTRADICTION, ENTAILMENT, NEUTRAL, STATEMENTS, premises
from workbench.tasks.synth.quantified import render, topic


def example(draw: Draw) -> tuple[str, str, int]:
    """Text, hypothesis, and 0 where the hypothesis follows from the text, else 1."""
    follows = draw.chance(0.5)
    # The hypothesis is drawn before the text, so that it alone says nothing about the label.
    hypothesis = draw.pick(STATEMENTS)
    wanted = ENTAILMENT if follows else draw.pick((NEUTRAL, CONTRADICTION))
    premise = draw.pick(premises(hypothesis, wanted))
    about, aside = topic(draw, PEOPLE), topic(draw, PEOPLE)
    while aside.noun == about.noun:
        aside = topic(draw, PEOPLE)
    told = [render(draw, premise, about), render(draw, draw.pick(STATEMENTS), aside)]
    if draw.chance(0.5):
        told.reverse()
    return f"{told[0]} and {told[1]}", render(draw, hypothesis, about), int(not follows)
