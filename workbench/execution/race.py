"""Which candidate wins a race: early scores, with or without successive halving."""

from collections.abc import Callable, Collection

from workbench.errors import Stopped
from workbench.runs.records import Record
from workbench.schedules import better_half, successive_halving


def hold_race(
    train: Callable[[int, int], Record],
    candidates: int,
    *,
    steps: int,
    rounds: int,
    average: int,
    dropped: Callable[[], Collection[int]] = tuple,
) -> tuple[list[float], int, list[int]]:
    """Trains the candidates in turn and scores them.

    Paper A, section 6, is one round. With more, the better half, rounded up, continues after each round
    (`schedules.successive_halving`).

    Args:
        train: called with a candidate's index and the step to train to. Its record may reach further if the
            race is being resumed.
        candidates: size of the pool.
        steps: length of the whole early training.
        rounds: equal parts of it.
        average: evaluations in a score, the last ones.
        dropped: called at the end of each round; the candidates that a person has taken out.

    Returns:
        Each candidate's score, taken where it stopped; the index of the winner, the best of the last round that
        nobody took out, among equals the earliest; and the candidates that were taken out by then.

    Raises:
        Stopped: every remaining candidate has been taken out.
    """
    scores, best = [0.0] * candidates, 0
    remaining = list(range(candidates))
    for _, until in successive_halving(candidates, steps, rounds):
        for candidate in remaining:
            scores[candidate] = train(candidate, until).score(until, average)
        # sorted() is stable, so the earliest of equals comes first.
        ranked, out = sorted(remaining, key=lambda candidate: -scores[candidate]), sorted(dropped())
        remaining = [candidate for candidate in ranked if candidate not in out]
        if not remaining:
            raise Stopped(
                f"candidates {', '.join(map(str, sorted(ranked)))} were left in the race, and a person "
                "dropped them all. Keep one of them, then resume."
            )
        best, remaining = remaining[0], sorted(remaining[: better_half(len(ranked))])
    return scores, best, out
