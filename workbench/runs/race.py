"""Who wins a race: early scores, at once or by successive halving."""

from collections.abc import Callable, Collection

from workbench.errors import Stopped
from workbench.runs.stage import Record


def hold_race(
    compete: Callable[[int, int], Record],
    candidates: int,
    *,
    steps: int,
    rounds: int,
    average: int,
    dropped: Callable[[], Collection[int]] = tuple,
) -> tuple[list[float], int, list[int]]:
    """Lets candidates train in turn and scores them.

    Paper A, section 6, is one round. With more, the better half of those still in, rounded up, goes
    on after each round (Jamieson and Talwalkar 2016, successive halving, with equal rounds).

    Args:
        compete: called with a candidate's index and the step to train up to; its record may reach further
            than that where the race is being resumed.
        candidates: how many there are.
        steps: length of the whole early training.
        rounds: equal parts that it is cut into.
        average: evaluations in a score, the last ones.
        dropped: asked at the end of each round for the candidates that a person has taken out.

    Returns:
        Each candidate's score, taken where it stopped; the index of the winner, the best of the last round
        that nobody took out, the earliest of equals; and those that were taken out when it was chosen.

    Raises:
        Stopped: all that were still in the race have been taken out.
    """
    scores = [0.0] * candidates
    alive = list(range(candidates))
    for turn in range(1, rounds + 1):
        until = max(1, steps * turn // rounds)
        for candidate in alive:
            scores[candidate] = compete(candidate, until).score(until, average)
        # sorted() is stable, so the earliest of equals comes first.
        ranked, out = sorted(alive, key=lambda candidate: -scores[candidate]), sorted(dropped())
        alive = [candidate for candidate in ranked if candidate not in out]
        if not alive:
            raise Stopped(
                f"candidates {', '.join(map(str, sorted(ranked)))} were left in the race, and a person "
                "dropped them all. Keep one of them, then go on."
            )
        if turn < rounds:
            alive = sorted(alive[: (len(ranked) + 1) // 2])
    return scores, alive[0], out
