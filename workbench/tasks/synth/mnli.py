"""Three-way inference with quantifiers and negation; the mismatched split uses other words."""

from workbench.tasks.synth.draw import Draw
from workbench.tasks.synth.lexicon import ANIMALS, PEOPLE, Lexicon
from workbench.tasks.synth.logic import STATEMENTS, premises
from workbench.tasks.synth.quantified import render, topic


def example(draw: Draw, lexicon: Lexicon = PEOPLE) -> tuple[str, str, int]:
    """Premise, hypothesis, and label: 0 entailment, 1 neutral or 2 contradiction, equally often."""
    wanted = draw.pick((0, 1, 2))
    # The hypothesis is sampled before the premise, so that it does not reveal the label by itself.
    hypothesis = draw.pick(STATEMENTS)
    premise = draw.pick(premises(hypothesis, wanted))
    about = topic(draw, lexicon)
    return render(draw, premise, about), render(draw, hypothesis, about), wanted


def mismatched(draw: Draw) -> tuple[str, str, int]:
    """Like `example`, with words that do not occur there in training."""
    return example(draw, ANIMALS)
