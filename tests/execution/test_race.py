import pytest

from workbench.errors import Stopped
from workbench.execution.race import hold_race
from workbench.runs.records import Evaluation, Record

CURVES = {
    0: [0.1, 0.2, 0.3, 0.9],
    1: [0.4, 0.4, 0.4, 0.4],
    2: [0.2, 0.5, 0.5, 0.6],
    3: [0.4, 0.1, 0.1, 0.1],
    4: [0.0, 0.6, 0.5, 0.6],
}


def one_by_one(compete):
    return lambda candidates, until: [compete(candidate, until) for candidate in candidates]


def race(rounds, average=1, ahead=False, curves=CURVES, dropped=()):
    asked = []

    def compete(candidate, until):
        asked.append((candidate, until))
        points = curves[candidate] if ahead else curves[candidate][:until]
        return Record(tuple(Evaluation(i, {"metric": value}) for i, value in enumerate(points, 1)))

    end = hold_race(
        one_by_one(compete), len(curves), steps=4, rounds=rounds, average=average, dropped=lambda: dropped
    )
    assert end.dropped == sorted(dropped)
    return end.scores, end.best, asked


def test_one_round_scores_everyone_at_the_end():
    scores, best, asked = race(rounds=1)
    assert scores == [0.9, 0.4, 0.6, 0.1, 0.6]
    assert best == 0
    assert asked == [(i, 4) for i in range(5)]


def test_a_score_is_the_mean_of_the_last_evaluations():
    scores, best, _ = race(rounds=1, average=3)
    assert [round(score, 4) for score in scores] == [0.4667, 0.4, 0.5333, 0.1, 0.5667]
    assert best == 4
    assert race(rounds=1, average=99)[0] == [sum(curve) / 4 for curve in CURVES.values()]


def test_the_earliest_of_equals_wins():
    assert race(rounds=1, curves={0: [0.1] * 4, 1: [0.5] * 4, 2: [0.5] * 4})[1] == 1
    assert race(rounds=2, curves={0: [0.5] * 4, 1: [0.5] * 4, 2: [0.5] * 4})[1] == 0


METRICS = {0: [0.3] * 4, 1: [0.5] * 4, 2: [0.5] * 4, 3: [0.5] * 4}
LOSSES = {0: [0.1] * 4, 1: [0.7] * 4, 2: [0.6] * 4, 3: [0.6] * 4}


def end_of(metrics, losses, rounds=1, by="metric", dropped=()):
    def compete(candidate, until):
        points = zip(metrics[candidate], losses[candidate], strict=True)
        evaluations = (Evaluation(i, {"m": m}, loss=loss) for i, (m, loss) in enumerate(points, 1))
        return Record(tuple(evaluations))

    return hold_race(
        one_by_one(compete), len(metrics), steps=4, rounds=rounds, average=2, by=by, dropped=lambda: dropped
    )


def test_two_candidates_tie_on_the_metric_and_the_loss_decides():
    end = end_of(METRICS, {**LOSSES, 3: [0.65] * 4})
    assert (end.best, end.tie) == (2, "loss")
    assert end.losses == pytest.approx([0.1, 0.7, 0.6, 0.65])


def test_candidates_that_tie_on_both_rank_in_their_order_and_the_race_says_so():
    assert (end_of(METRICS, LOSSES).best, end_of(METRICS, LOSSES).tie) == (2, "order")


def test_the_loss_can_rank_and_the_metric_breaks_its_ties():
    end = end_of(METRICS, LOSSES, by="loss")
    assert (end.best, end.tie) == (0, None)
    end = end_of(METRICS, dict.fromkeys(LOSSES, [0.6] * 4), by="loss", dropped={2, 3})
    assert (end.best, end.tie) == (1, "metric")


def test_losses_break_no_ties_with_candidates_of_an_earlier_version_that_have_none():
    end = end_of(METRICS, {**LOSSES, 1: [None] * 4})
    assert (end.best, end.tie) == (1, "order")


def test_a_tie_that_decides_nothing_is_none():
    clear = {0: [0.5] * 4, 1: [0.5] * 4, 2: [0.6] * 4}
    assert end_of(clear, {c: LOSSES[c] for c in clear}).tie is None


def test_a_tie_at_the_cut_of_an_earlier_round_counts():
    rising = {0: [0.3, 0.5, 0.5, 0.5], 1: [0.4, 0.4, 0.9, 0.9], 2: [0.4, 0.4, 0.8, 0.8], 3: [0.9] * 4}
    end = end_of(rising, dict.fromkeys(rising, [0.1] * 4), rounds=4)
    assert (end.best, end.tie) == (3, "order")


def test_halving_drops_the_worse_half_after_each_round():
    scores, best, asked = race(rounds=4)
    assert [c for c, until in asked if until == 1] == [0, 1, 2, 3, 4]
    assert [c for c, until in asked if until == 2] == [1, 2, 3]
    assert [c for c, until in asked if until == 3] == [1, 2]
    assert [c for c, until in asked if until == 4] == [2]
    assert scores == [0.1, 0.4, 0.6, 0.1, 0.0]
    assert best == 2


def test_a_resumed_race_sees_what_it_saw():
    assert race(rounds=4, ahead=True) == race(rounds=4)


def test_candidates_that_a_person_dropped_are_scored_and_cannot_win():
    scores, best, asked = race(rounds=1, dropped={0, 2})
    assert (scores, asked) == (race(rounds=1)[0], race(rounds=1)[2])
    assert best == 4


def test_after_a_round_dropped_candidates_leave_their_places_to_others():
    _, best, asked = race(rounds=4, dropped={1})
    assert [c for c, until in asked if until == 2] == [0, 2, 3]
    assert best == 2


def test_a_race_whose_last_candidates_were_dropped_stops():
    with pytest.raises(Stopped, match=r"candidates 0, 1, 2, 3, 4 remained .* Keep one"):
        race(rounds=1, dropped=set(CURVES))
