"""Compositional sentiment: a judgement that negation may invert, in one or two clauses.

The adjective by itself says little: each negation inverts it (two cancel out), and of two clauses, the main
one (or the one after "but") determines the label. Each word therefore occurs about equally often with both
labels.
"""

from workbench.tasks.synth.draw import Draw

SUBJECTS = (
    "the film", "the story", "the music", "the acting", "the script", "the plot", "the ending", "this movie",
    "the dialogue", "this show", "the novel", "the play", "the first half", "the second half", "the director",
    "the lead actor", "the camera work", "the humor", "every scene", "the whole cast",
)  # fmt: skip
GOOD = (
    "wonderful", "brilliant", "funny", "charming", "clever", "fresh", "moving", "beautiful", "lovely",
    "smart", "delightful", "convincing", "exciting", "great", "warm", "impressive", "sharp", "memorable",
)  # fmt: skip
BAD = (
    "boring", "dull", "awful", "terrible", "stupid", "weak", "ugly", "silly", "slow", "empty", "painful",
    "cheap", "annoying", "flat", "horrible", "tired", "confusing", "shallow",
)  # fmt: skip
DEGREES = ("", "", "very", "really", "quite", "rather", "so", "truly")
# {s} is the subject, and {a} is the adjective with its degree.
PLAIN = ("{s} is {a}", "{s} seems {a}", "{s} remains {a}", "{s} feels {a}", "{s} turns out to be {a}")
TURNED = (
    "{s} is not {a}",
    "{s} is never {a}",
    "{s} is hardly {a}",
    "{s} is anything but {a}",
    "{s} is far from {a}",
    "{s} fails to be {a}",
)
SAID = ("i think that", "critics agree that", "it is true that", "everybody says that", "i believe that")
DENIED = ("i doubt that", "critics deny that", "it is false that", "nobody says that", "few believe that")
# {main} determines the label; {side} has the opposite sentiment.
CONTRASTS = (
    "{side} , but {main}",
    "although {side} , {main}",
    "{main} , although {side}",
    "while {side} , {main}",
    "{main} , even if {side}",
)


def example(draw: Draw) -> tuple[str, int]:
    """A sentence, and 1 if its sentiment is positive, else 0."""
    label = int(draw.chance(0.5))
    subjects = draw.distinct(SUBJECTS, 2)
    main = _clause(draw, subjects[0], bool(label))
    if draw.chance(0.3):
        return main, label
    side = _clause(draw, subjects[1], not label)
    return draw.pick(CONTRASTS).format(main=main, side=side), label


def _clause(draw: Draw, subject: str, positive: bool) -> str:
    framed, denied, turned = draw.chance(0.3), draw.chance(0.5), draw.chance(0.5)
    denied = denied and framed
    adjective = draw.pick(GOOD if positive != (turned != denied) else BAD)
    judged = f"{draw.pick(DEGREES)} {adjective}".strip()
    clause = draw.pick(TURNED if turned else PLAIN).format(s=subject, a=judged)
    return f"{draw.pick(DENIED if denied else SAID)} {clause}" if framed else clause
