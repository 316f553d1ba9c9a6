"""How often, and on how many examples, a race evaluates: at a cost of at most a seventh of its training."""

from dataclasses import replace

import numpy as np

from workbench.schedules import successive_halving
from workbench.training import TrainingConfig

# A forward pass costs a third of a training step on as many tokens.
_FORWARD = 3
_SHARE = 7
# On fewer examples a metric means little; a race that is too short for these exceeds its share.
_LEAST_EXAMPLES = 32
# The number of points that make a curve.
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

    If they would cost more, there are fewer of them, still at equal distances and at the end of each round.
    Their number is reduced before their size, because all of them use the same examples: more evaluations do
    not reduce the error of a small sample. If fewer than three would remain, those before the end of a round
    use a sample: they show how the candidates develop and enter no score. At least half of the budget then
    goes to the ends of the rounds, which use the whole validation split if that is affordable.

    The rule counts tokens (for images, pixels) and measures no time, so its result is the same on every
    machine.

    Args:
        config: the configuration of a candidate's whole training.
        rounds: number of rounds of the race.
        train: (n,) lengths of the training examples.
        validation: (m,) lengths of the examples of the validation split.
        interim: whether evaluations before the end of a round may be smaller; False for runs of a version
            that had no such evaluations.
    """
    ends = {until for _, until in successive_halving(1, config.steps, rounds)}
    training = config.steps * config.batch_size * int(train.sum()) / len(train)
    # The number of evaluations of the whole split that is affordable; a fraction if not even one is.
    affordable = training * _FORWARD / (_SHARE * int(validation.sum()))

    def within(most: float) -> tuple[int, int]:
        """The shortest interval with at most `most` evaluations before the ends, and their number."""
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
