"""Who wins a race: early scores, at once or by successive halving."""

from collections.abc import Callable

from workbench.runs.stage import Record


def hold_race(
    compete: Callable[[int, int], Record],
    candidates: int,
    *,
    steps: int,
    rounds: int,
    average: int,
) -> tuple[list[float], int]:
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

    Returns:
        Each candidate's score, taken where it stopped, and the index of the winner: the best of the
        last round, the earliest of equals.
    """
    scores = [0.0] * candidates
    alive = list(range(candidates))
    for turn in range(1, rounds + 1):
        until = max(1, steps * turn // rounds)
        for candidate in alive:
            scores[candidate] = compete(candidate, until).score(until, average)
        # sorted() is stable, so the earliest of equals comes first.
        alive = sorted(alive, key=lambda candidate: -scores[candidate])
        if turn < rounds:
            alive = sorted(alive[: (len(alive) + 1) // 2])
    return scores, alive[0]
