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


def in_proportion(
    config: TrainingConfig, rounds: int, train: np.ndarray, validation: np.ndarray
) -> TrainingConfig:
    """The configuration of a candidate whose evaluations cost at most a seventh of its training.

    Where they would cost more, there are fewer of them, still at equal distances and at the end of each
    round. Where even those are too many, they see a sample of the validation split. Fewer come first
    because all of them see the same examples: more evaluations do not reduce the error of a small sample.
    The rule counts tokens (of images, pixels) and measures no time, so that it gives the same on every
    machine.

    Args:
        config: of the whole training of a candidate.
        rounds: of the race.
        train: (n,) lengths of the training examples.
        validation: (m,) lengths of the examples of the validation split.
    """
    ends = {until for _, until in successive_halving(1, config.steps, rounds)}
    training = config.steps * config.batch_size * int(train.sum()) / len(train)
    # The evaluations of the whole split that are within the share; a fraction where not even one is.
    affordable = training * _FORWARD / (_SHARE * int(validation.sum()))

    def evaluations(every: int) -> int:
        return len(ends | set(range(every, config.steps + 1, every)))

    most = max(affordable, len(ends))
    every = next(
        every
        for every in range(config.eval_every, config.steps + config.eval_every)
        if evaluations(every) <= most
    )
    examples = max(int(len(validation) * affordable / evaluations(every)), _LEAST_EXAMPLES)
    return replace(config, eval_every=every, eval_examples=examples if examples < len(validation) else None)
