"""Which candidate wins a race: early scores, with or without successive halving."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from workbench.errors import Stopped
from workbench.runs.races import EarlyScore, Tie
from workbench.runs.records import Record
from workbench.schedules import better_half, successive_halving


@dataclass(frozen=True)
class Standing:
    """The outcome of a race.

    Attributes:
        scores: the mean metric of each candidate, at the step where it stopped.
        losses: its mean validation loss there; None if none was recorded.
        best: the index of the winner.
        dropped: the candidates that a user had dropped by then.
        tie: what decided between candidates with equal scores; None if the scores decided everything.
    """

    scores: list[float]
    losses: list[float | None]
    best: int
    dropped: list[int]
    tie: Tie | None = None


def hold_race(
    train_all: Callable[[Sequence[int], int], Sequence[Record]],
    candidates: int,
    *,
    steps: int,
    rounds: int,
    average: int,
    by: EarlyScore = "metric",
    dropped: Callable[[], Collection[int]] = tuple,
) -> Standing:
    """Trains the candidates and ranks them.

    Paper A, section 6, is one round. With more, the better half, rounded up, continues after each round
    (`schedules.successive_halving`). Equal metrics are broken by the lower loss, equal losses by the higher
    metric; candidates that are equal in both rank in the order of the pool, as they do in the released code.

    Args:
        train_all: called once per round with the indices of the remaining candidates and the step to train
            them to; returns their records, which may reach further if the race is being resumed. The
            candidates of a round do not depend on each other and may be trained in any order.
        candidates: size of the pool.
        steps: length of the whole early training.
        rounds: number of its equal parts.
        average: number of evaluations, the last ones, that a score averages.
        by: whether a high metric or a low validation loss ranks the candidates.
        dropped: called at the end of each round; returns the candidates that a user has dropped.

    Returns:
        The outcome. The winner is the best candidate of the last round that was not dropped.

    Raises:
        Stopped: all remaining candidates have been dropped.
    """
    scores, losses = [0.0] * candidates, [None] * candidates
    remaining, best, out, tie = list(range(candidates)), 0, [], None

    def rank(candidate: int) -> tuple[float, float]:
        # Candidates that an earlier version trained have no loss, and are not to be compared by it.
        known = all(losses[other] is not None for other in remaining)
        keys = -scores[candidate], losses[candidate] if known else 0.0
        return keys if by == "metric" else keys[::-1]

    schedule = successive_halving(candidates, steps, rounds)
    for turn, (_, until) in enumerate(schedule, start=1):
        for candidate, record in zip(remaining, train_all(remaining, until), strict=True):
            scores[candidate], losses[candidate] = record.score(until, average), record.loss(until, average)
        # sorted() is stable, so the earliest of equals comes first.
        ranked, out = sorted(remaining, key=rank), sorted(dropped())
        remaining = [candidate for candidate in ranked if candidate not in out]
        if not remaining:
            raise Stopped(
                f"candidates {', '.join(map(str, sorted(ranked)))} remained in the race, and a user "
                "dropped them all. Keep one of them, then resume."
            )
        places = better_half(len(ranked)) if turn < len(schedule) else 1
        tie = _weaker(tie, _tie([rank(candidate) for candidate in remaining], places, by))
        best, remaining = remaining[0], sorted(remaining[:places])
    return Standing(scores, losses, best, out, tie)


def _tie(ranks: list[tuple[float, float]], places: int, by: EarlyScore) -> Tie | None:
    """What separates the last candidate that continues from the first that does not."""
    if len(ranks) <= places or ranks[places - 1][0] != ranks[places][0]:
        return None
    if ranks[places - 1][1] == ranks[places][1]:
        return "order"
    return "loss" if by == "metric" else "metric"


def _weaker(first: Tie | None, second: Tie | None) -> Tie | None:
    return "order" if "order" in (first, second) else first or second
