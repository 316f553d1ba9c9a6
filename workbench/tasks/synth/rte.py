"""Two-way inference with quantifiers and negation, from a text of two statements."""

from workbench.tasks.synth.draw import Draw
from workbench.tasks.synth.lexicon import PEOPLE
from workbench.tasks.synth.logic import CONTRADICTION, ENTAILMENT, NEUTRAL, STATEMENTS, premises
from workbench.tasks.synth.quantified import render, topic


def example(draw: Draw) -> tuple[str, str, int]:
    """Text, hypothesis, and 0 if the text entails the hypothesis, else 1."""
    follows = draw.chance(0.5)
    # The hypothesis is sampled before the text, so that it does not reveal the label by itself.
    hypothesis = draw.pick(STATEMENTS)
    wanted = ENTAILMENT if follows else draw.pick((NEUTRAL, CONTRADICTION))
    premise = draw.pick(premises(hypothesis, wanted))
    about, unrelated = topic(draw, PEOPLE), topic(draw, PEOPLE)
    while unrelated.noun == about.noun:
        unrelated = topic(draw, PEOPLE)
    sentences = [render(draw, premise, about), render(draw, draw.pick(STATEMENTS), unrelated)]
    if draw.chance(0.5):
        sentences.reverse()
    return f"{sentences[0]} and {sentences[1]}", render(draw, hypothesis, about), int(not follows)
