"""Sparsity and learning rate as pure functions of progress."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.errors import BadInput


def cubic_ladder(final: float, levels: int) -> tuple[float, ...]:
    """Sparsities that rise fast and then slowly: s_t = s_f (1 - (1 - t/n)^3) for t = 1 .. n.

    Source: Zhu and Gupta 2017 (arXiv 1710.01878), equation 1 from zero initial sparsity.

    Args:
        final: s_f, the last sparsity, in (0, 1).
        levels: n, at least 1.

    Raises:
        BadInput: an argument out of its range, or so many levels that the ladder no longer rises.
    """
    if type(levels) is not int or levels < 1:
        raise BadInput(f"{levels!r} levels make no ladder; give an integer of at least 1")
    return check_ladder([final * (1 - (1 - t / levels) ** 3) for t in range(1, levels + 1)])


def cubic_sparsity(progress: float, first: float, final: float) -> float:
    """s = s_f + (s_0 - s_f) (1 - p)^3: steep at first, flat at the end.

    Source: Zhu and Gupta 2017 (arXiv 1710.01878), equation 1; Sanh et al. 2020, equation 5.

    Args:
        progress: p, the share of the pruning that is over, in [0, 1].
        first: s_0, the sparsity at p = 0.
        final: s_f, the sparsity at p = 1, which is given back exactly.
    """
    return final + (first - final) * (1 - progress) ** 3


def geometric_ladder(final: float, share: float) -> tuple[float, ...]:
    """Sparsities that remove the same share of what remains each time: 1 - (1 - share)^t, then `final`.

    Source: Frankle and Carbin 2019, with a share of 0.2. The last level removes less than the share, so
    that it ends at `final`.

    Args:
        final: the last sparsity, in (0, 1).
        share: of the remaining weights, in (0, 1).

    Raises:
        BadInput: an argument out of its range.
    """
    if not 0 < share < 1:
        raise BadInput(f"a level cannot remove the share {share!r} of what remains; 0.2 removes a fifth")
    check_ladder([final])
    steps = (1 - (1 - share) ** t for t in itertools.count(1))
    # A level that differs from the last by rounding alone is the last.
    return (*itertools.takewhile(lambda sparsity: sparsity < final - 1e-9, steps), final)


def check_ladder(sparsities: Sequence[float]) -> tuple[float, ...]:
    """The sparsities as a tuple, where they are a ladder: numbers in (0, 1) that increase.

    Raises:
        BadInput: they are none, naming the first offending value.
    """
    ladder = tuple(sparsities)
    if not ladder:
        raise BadInput("an empty ladder has no sparsity to reach; give at least one level")
    for sparsity in ladder:
        if not 0 < sparsity < 1:
            raise BadInput(f"sparsity {sparsity!r} on a ladder is not in (0, 1); 0.9 prunes nine of ten")
    for lower, upper in itertools.pairwise(ladder):
        if upper <= lower:
            raise BadInput(
                f"the ladder {ladder} does not increase: {upper} follows {lower}. Pruned weights never "
                "return, so each level must prune more than the one before."
            )
    return ladder


@dataclass(frozen=True)
class Constant:
    """Factor 1 after the warm-up.

    Every schedule here is called with the progress of training in [0, 1] and returns the factor in
    [0, 1] by which the peak learning rate is multiplied. The warm-up rises linearly from 0 to 1.

    Args:
        warmup: share of training spent on the warm-up, in [0, 1).
    """

    warmup: float = 0.1

    def __post_init__(self):
        if not 0 <= self.warmup < 1:
            raise BadInput(f"warm-up {self.warmup!r} is not in [0, 1); 0.1 is a tenth of training")

    def __call__(self, progress: float) -> float:
        """The learning-rate factor at `progress` in [0, 1]."""
        if not 0 <= progress <= 1:
            raise BadInput(f"progress {progress!r} is not in [0, 1]; it is the share of steps taken")
        if progress < self.warmup:
            return progress / self.warmup
        return self._decay((progress - self.warmup) / (1 - self.warmup))

    def _decay(self, rest: float) -> float:
        """The factor at the share `rest` of what follows the warm-up."""
        return 1.0


@dataclass(frozen=True)
class Linear(Constant):
    """Falls linearly from 1 to 0 after the warm-up."""

    def _decay(self, rest: float) -> float:
        return 1.0 - rest


@dataclass(frozen=True)
class Cycles(Constant):
    """Falls linearly from 1 to `floor` in each of several equal cycles, and jumps back in between.

    The learning rate of sparse fine-tuning (Kurtic et al. 2024, arXiv 2312.13547, appendix A): the dense
    recipe of two epochs, from 1e-4 to 1e-6, replicated. It has no warm-up there; a warm-up given here goes
    before the cycles.

    Args:
        warmup: see `Constant`.
        cycles: how many; the last may be cut short.
        floor: the factor at the end of a cycle, in [0, 1].
    """

    cycles: float = 5.0
    floor: float = 0.01

    def __post_init__(self):
        super().__post_init__()
        if not self.cycles > 0:
            raise BadInput(
                f"{self.cycles!r} cycles of the learning rate are no cycle; 5 repeats it five times"
            )
        if not 0 <= self.floor <= 1:
            raise BadInput(f"floor {self.floor!r} is not in [0, 1]; it is a share of the peak rate")

    def _decay(self, rest: float) -> float:
        position = rest * self.cycles
        # The end belongs to the last cycle, like the end of every other one to the next.
        position -= math.floor(position) if rest < 1 else math.ceil(position) - 1
        return 1.0 - (1.0 - self.floor) * position


class Cosine(Constant):
    """Falls as half a cosine from 1 to 0 after the warm-up (Loshchilov and Hutter 2017, without restarts)."""

    def _decay(self, rest: float) -> float:
        return (1 + math.cos(math.pi * rest)) / 2


@dataclass(frozen=True)
class Held(Constant):
    """Falls linearly from 1 to a half, and holds that rate to the end.

    It is the rate of stochastic weight averaging (Izmailov et al. 2018), which averages the weights of the
    held phase. The shape is that of a public code for it by a co-author of SWAMP (cs-giung/swa): from 0.1
    down to 0.05, held from three quarters of the training on.

    Args:
        hold_from: share of training after which the rate is held, above `warmup` and below 1.
    """

    hold_from: float = 0.75

    def __post_init__(self):
        super().__post_init__()
        if not self.warmup < self.hold_from < 1:
            raise BadInput(
                f"the rate cannot be held from {self.hold_from!r} on: give a share of the training above the "
                f"warm-up, {self.warmup}, and below 1"
            )

    def _decay(self, rest: float) -> float:
        fall = (self.hold_from - self.warmup) / (1 - self.warmup)
        return 1 - min(1.0, rest / fall) / 2


def successive_halving(candidates: int, steps: int, rounds: int) -> list[tuple[int, int]]:
    """Rounds of equal length, of which each leaves the better half, rounded up, to the next.

    Source: Jamieson and Talwalkar 2016, there with rounds of growing length.

    Args:
        candidates: in the first round.
        steps: length of a candidate's whole training.
        rounds: at least 1; one round is a race without halving.

    Returns:
        For each round the candidates in it, and the steps that each has trained for when it ends.
    """
    schedule = []
    for turn in range(1, rounds + 1):
        schedule.append((candidates, max(1, steps * turn // rounds)))
        candidates = better_half(candidates)
    return schedule


def better_half(candidates: int) -> int:
    """How many of them continue after a round of `successive_halving`."""
    return (candidates + 1) // 2


def halving_steps(candidates: int, steps: int, rounds: int) -> int:
    """Optimizer steps of all candidates together in `successive_halving`."""
    total, before = 0, 0
    for remaining, until in successive_halving(candidates, steps, rounds):
        total, before = total + remaining * (until - before), until
    return total
