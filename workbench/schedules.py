"""Sparsity and learning-rate schedules as pure functions of progress."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.errors import BadInput


def cubic_ladder(final: float, levels: int) -> tuple[float, ...]:
    """Sparsities that rise quickly at first and slowly later: s_t = s_f (1 - (1 - t/n)^3) for t = 1 .. n.

    Source: Zhu and Gupta 2017 (arXiv 1710.01878), equation 1 with zero initial sparsity.

    Args:
        final: s_f, the last sparsity, in (0, 1).
        levels: n, at least 1.

    Raises:
        BadInput: an argument is out of range, or there are so many levels that sparsities coincide.
    """
    if type(levels) is not int or levels < 1:
        raise BadInput(f"levels is {levels!r}; a ladder needs at least one. Give an integer of at least 1.")
    return check_ladder([final * (1 - (1 - t / levels) ** 3) for t in range(1, levels + 1)])


def cubic_sparsity(progress: float, first: float, final: float) -> float:
    """s = s_f + (s_0 - s_f) (1 - p)^3: steep at first, flat at the end.

    Source: Zhu and Gupta 2017 (arXiv 1710.01878), equation 1; Sanh et al. 2020, equation 5.

    Args:
        progress: p, the completed share of the pruning schedule, in [0, 1].
        first: s_0, the sparsity at p = 0.
        final: s_f, the sparsity at p = 1, returned exactly.
    """
    return final + (first - final) * (1 - progress) ** 3


def geometric_ladder(final: float, share: float) -> tuple[float, ...]:
    """Sparsities whose levels each remove the same share of the remaining weights: 1 - (1 - share)^t.

    Source: Frankle and Carbin 2019, with a share of 0.2. The last level may remove less, so that
    it ends at `final`.

    Args:
        final: the last sparsity, in (0, 1).
        share: share of the remaining weights that each level removes, in (0, 1).

    Raises:
        BadInput: an argument is out of range.
    """
    if not 0 < share < 1:
        raise BadInput(
            f"a level cannot remove the share {share!r} of the remaining weights. Give one in (0, 1)."
        )
    check_ladder([final])
    steps = (1 - (1 - share) ** t for t in itertools.count(1))
    # A level that differs from the last one only by rounding is the last one.
    return (*itertools.takewhile(lambda sparsity: sparsity < final - 1e-9, steps), final)


def check_ladder(sparsities: Sequence[float]) -> tuple[float, ...]:
    """Checks that sparsities form a ladder, increasing numbers in (0, 1), and returns them as a tuple.

    Raises:
        BadInput: they do not; names the first offending value.
    """
    ladder = tuple(sparsities)
    if not ladder:
        raise BadInput("the ladder is empty. Give at least one level.")
    for sparsity in ladder:
        if not 0 < sparsity < 1:
            raise BadInput(
                f"sparsity {sparsity!r} on a ladder is not in (0, 1). For example, 0.9 prunes 90 %."
            )
    for lower, upper in itertools.pairwise(ladder):
        if upper <= lower:
            raise BadInput(
                f"the ladder {ladder} does not increase: {upper} follows {lower}. Pruned weights never "
                "return, so give each level a higher sparsity than the one before."
            )
    return ladder


@dataclass(frozen=True)
class Constant:
    """Constant factor 1 after the warm-up.

    Every schedule here is called with the progress of training in [0, 1] and returns a factor in [0, 1] that
    multiplies the peak learning rate. During warm-up the factor rises linearly from 0 to 1.

    Args:
        warmup: share of the training spent on warm-up, in [0, 1).
    """

    warmup: float = 0.1

    def __post_init__(self):
        if not 0 <= self.warmup < 1:
            raise BadInput(
                f"warm-up {self.warmup!r} is not in [0, 1). For example, 0.1 is a tenth of training."
            )

    def __call__(self, progress: float) -> float:
        """The learning-rate factor at `progress` in [0, 1]."""
        if not 0 <= progress <= 1:
            raise BadInput(f"progress {progress!r} is not in [0, 1]. Give the completed share of the steps.")
        if progress < self.warmup:
            return progress / self.warmup
        return self._decay((progress - self.warmup) / (1 - self.warmup))

    def _decay(self, progress: float) -> float:
        """The factor after the warm-up; `progress` in [0, 1] starts at the end of the warm-up."""
        return 1.0


@dataclass(frozen=True)
class Linear(Constant):
    """Linear decay from 1 to 0 after the warm-up."""

    def _decay(self, progress: float) -> float:
        return 1.0 - progress


@dataclass(frozen=True)
class Cycles(Constant):
    """Linear decay from 1 to `floor` in each of several equal cycles, with a jump back to 1 in between.

    This is the learning rate of sparse fine-tuning (Kurtic et al. 2024, arXiv 2312.13547, appendix A): the
    dense recipe of two epochs, from 1e-4 to 1e-6, repeated. It has no warm-up there; here a warm-up precedes
    the cycles.

    Args:
        warmup: see `Constant`.
        cycles: number of cycles; the last one may be incomplete.
        floor: the factor at the end of a cycle, in [0, 1].
    """

    cycles: float = 5.0
    floor: float = 0.01

    def __post_init__(self):
        super().__post_init__()
        if not self.cycles > 0:
            raise BadInput(f"the learning rate cannot have {self.cycles!r} cycles. Give a number above 0.")
        if not 0 <= self.floor <= 1:
            raise BadInput(f"floor {self.floor!r} is not in [0, 1]. Give a share of the peak learning rate.")

    def _decay(self, progress: float) -> float:
        position = progress * self.cycles
        # The end of a cycle is the start of the next, except that the end of training belongs to the last.
        position -= math.floor(position) if progress < 1 else math.ceil(position) - 1
        return 1.0 - (1.0 - self.floor) * position


class Cosine(Constant):
    """Half-cosine decay from 1 to 0 after the warm-up (Loshchilov and Hutter 2017, without restarts)."""

    def _decay(self, progress: float) -> float:
        return (1 + math.cos(math.pi * progress)) / 2


@dataclass(frozen=True)
class Held(Constant):
    """Linear decay from 1 to one half, then constant until the end.

    This is the learning rate of stochastic weight averaging (Izmailov et al. 2018), which averages the
    weights of the constant phase. The shape follows the public code of a co-author of SWAMP (cs-giung/swa):
    from 0.1 down to 0.05, held constant for the last quarter of the training.

    Args:
        hold_from: share of the training after which the rate is held constant, above `warmup` and below 1.
    """

    hold_from: float = 0.75

    def __post_init__(self):
        super().__post_init__()
        if not self.warmup < self.hold_from < 1:
            raise BadInput(
                f"hold_from is {self.hold_from!r}. Give a share of the training above the warm-up, "
                f"{self.warmup}, and below 1."
            )

    def _decay(self, progress: float) -> float:
        hold_from = (self.hold_from - self.warmup) / (1 - self.warmup)
        return 1 - min(1.0, progress / hold_from) / 2


LEARNING_RATES = {schedule.__name__: schedule for schedule in (Constant, Linear, Cycles, Cosine, Held)}


def steps_at_peak(schedule: Callable[[float], float], steps: int, since: int = 0) -> float:
    """The equivalent number of steps at the peak learning rate: the sum of rate / peak rate over steps.

    Args:
        schedule: the learning-rate schedule, evaluated at the middle of each step, as in training.
        steps: steps of the whole training.
        since: number of initial steps to leave out.
    """
    return math.fsum(schedule((step + 0.5) / steps) for step in range(since, steps))


def successive_halving(candidates: int, steps: int, rounds: int) -> list[tuple[int, int]]:
    """Rounds of equal length; after each, the better half of the candidates, rounded up, continues.

    Source: Jamieson and Talwalkar 2016, whose rounds get longer.

    Args:
        candidates: number of candidates in the first round.
        steps: length of a candidate's whole training.
        rounds: at least 1; one round is a race without halving.

    Returns:
        For each round, the number of candidates in it and the steps each has trained for when it ends.
    """
    schedule = []
    for round_number in range(1, rounds + 1):
        schedule.append((candidates, max(1, steps * round_number // rounds)))
        candidates = better_half(candidates)
    return schedule


def better_half(candidates: int) -> int:
    """The number of candidates that continue after a round of `successive_halving`."""
    return (candidates + 1) // 2


def halving_steps(candidates: int, steps: int, rounds: int) -> int:
    """Total optimizer steps of all candidates in `successive_halving`."""
    total, before = 0, 0
    for remaining, until in successive_halving(candidates, steps, rounds):
        total, before = total + remaining * (until - before), until
    return total
