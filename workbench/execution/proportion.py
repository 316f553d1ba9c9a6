"""How often, and on how many examples, a race evaluates: at most a seventh of what its training costs."""

from dataclasses import replace

import numpy as np

from workbench.schedules import successive_halving
from workbench.training import TrainingConfig

# A forward costs a third of a training step on as many tokens.
_FORWARD = 3
_SHARE = 7
# On fewer examples a metric says next to nothing; a race too short for these exceeds its share.
_LEAST_EXAMPLES = 32
# The points that make a curve.
_CURVE = 3


def in_proportion(
    config: TrainingConfig,
    rounds: int,
    train: np.ndarray,
    validation: np.ndarray,
    *,
    interim: bool = True,
) -> TrainingConfig:
    """The configuration of a candidate whose evaluations cost at most a seventh of its training.

    Where they would cost more, there are fewer of them, still at equal distances and at the end of each
    round. Fewer come before smaller ones because all of them see the same examples: more evaluations do not
    reduce the error of a small sample. Where fewer than three would remain, those before the end of a round
    see a sample: they show how the candidates develop and enter no score. Then at least half of the share is
    for the ends of the rounds, which see the whole validation split where that is enough.

    The rule counts tokens (of images, pixels) and measures no time, so that it gives the same on every
    machine.

    Args:
        config: of the whole training of a candidate.
        rounds: of the race.
        train: (n,) lengths of the training examples.
        validation: (m,) lengths of the examples of the validation split.
        interim: whether evaluations before the end of a round may be smaller; False for runs of a version
            that had none.
    """
    ends = {until for _, until in successive_halving(1, config.steps, rounds)}
    training = config.steps * config.batch_size * int(train.sum()) / len(train)
    # The evaluations of the whole split that are within the share; a fraction where not even one is.
    affordable = training * _FORWARD / (_SHARE * int(validation.sum()))

    def within(most: float) -> tuple[int, int]:
        """The most frequent evaluations of which at most `most` are before the ends, and how many are."""
        for every in range(config.eval_every, config.steps + config.eval_every):
            earlier = len(set(range(every, config.steps, every)) - ends)
            if earlier <= most:
                break
        return every, earlier

    def sample(share: float) -> int | None:
        examples = max(int(len(validation) * share), _LEAST_EXAMPLES)
        return examples if examples < len(validation) else None

    _, wanted = within(config.steps)
    every, earlier = within(max(affordable - len(ends), 0))
    if interim and len(ends) + earlier < min(len(ends) + wanted, _CURVE):
        least = _LEAST_EXAMPLES / len(validation)
        at_ends = min(1, max(affordable / 2 / len(ends), least))
        often, small = within((affordable - at_ends * len(ends)) / least)
        if small:
            at_ends = min(1, max(at_ends, affordable / (len(ends) + small)))
            before = (affordable - at_ends * len(ends)) / small
            return replace(
                config, eval_every=often, eval_examples=sample(at_ends), interim_examples=sample(before)
            )
    return replace(config, eval_every=every, eval_examples=sample(affordable / (len(ends) + earlier)))
