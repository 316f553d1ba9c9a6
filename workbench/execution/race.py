"""Which candidate wins a race: early scores, with or without successive halving."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from workbench.errors import Stopped
from workbench.runs.races import EarlyScore, Tie
from workbench.runs.records import Record
from workbench.schedules import better_half, successive_halving


@dataclass(frozen=True)
class Standing:
    """The end of a race.

    Attributes:
        scores: each candidate's mean metric, taken where it stopped.
        losses: its mean validation loss there; None where none was recorded.
        best: the winner's index.
        dropped: the candidates that a person had taken out by then.
        tie: what decided where the scores of two candidates were equal and one of them had to go; None where
            the scores decided everything.
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
        train_all: called once a round with the indices of the remaining candidates and the step to train them
            to; returns their records, which may reach further if the race is being resumed. The candidates of
            a round do not depend on each other, so their order is free.
        candidates: size of the pool.
        steps: length of the whole early training.
        rounds: equal parts of it.
        average: evaluations in a score, the last ones.
        by: what ranks first, a high metric or a low validation loss.
        dropped: called at the end of each round; the candidates that a person has taken out.

    Returns:
        The winner is the best of the last round that nobody took out.

    Raises:
        Stopped: every remaining candidate has been taken out.
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
    """What separates the last candidate that has a place from the first that has none."""
    if len(ranks) <= places or ranks[places - 1][0] != ranks[places][0]:
        return None
    if ranks[places - 1][1] == ranks[places][1]:
        return "order"
    return "loss" if by == "metric" else "metric"


def _weaker(first: Tie | None, second: Tie | None) -> Tie | None:
    return "order" if "order" in (first, second) else first or second
