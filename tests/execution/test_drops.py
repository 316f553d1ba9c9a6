"""A person takes candidates out of a race."""

import pytest

from tests.tiny_runs import tiny_randomized
from workbench import prune
from workbench.errors import BadInput
from workbench.execution.stage_training import StageTraining
from workbench.reports import prose
from workbench.runs import drop, dropped

RACE = "level-1/race"


@pytest.fixture
def while_racing(monkeypatch):
    """Calls a function once, in the middle of the race, as a person would act."""

    def arrange(act):
        settled = StageTraining.finish

        def finish(self):
            settled(self)
            if self.folder.stage == f"{RACE}/candidate-1":
                act()

        monkeypatch.setattr(StageTraining, "finish", finish)

    return arrange


def test_a_dropped_candidate_does_not_win_and_the_report_says_so(spec_of, tmp_path, while_racing):
    spec = spec_of(tiny_randomized(levels=1))
    plain = prune(spec, store=tmp_path / "plain")
    best = next(c for c in plain.candidates(1) if c.chosen)
    assert "interventions" not in plain.results
    assert "dropped" not in (plain.path / "stages" / RACE / "race.json").read_text()

    root = tmp_path / "chosen" / spec.name
    while_racing(lambda: drop(root, RACE, [best.index]))
    run = prune(spec, store=tmp_path / "chosen")
    pool = run.candidates(1)
    assert [c.index for c in pool if c.dropped] == [best.index]
    assert [c.score for c in pool] == [c.score for c in plain.candidates(1)]
    others = [c for c in pool if not c.dropped]
    assert next(c for c in pool if c.chosen).score == max(c.score for c in others)
    assert not pool[best.index].chosen
    assert run.results["interventions"] == {RACE: [best.index]}
    assert f"from {RACE} before its mask was chosen: {best.index}." in prose.cautions(run)[0]
    assert not any("removed candidates" in caution for caution in prose.cautions(plain))


def test_a_decision_replaces_the_one_before(spec_of, tmp_path, while_racing):
    spec = spec_of(tiny_randomized(levels=1))
    root = tmp_path / spec.name
    seen = []

    def act():
        drop(root, RACE, [2, 0])
        seen.append(dropped(root, RACE))
        drop(root, RACE, [])
        seen.append(dropped(root, RACE))

    while_racing(act)
    run = prune(spec, store=tmp_path)
    assert seen == [(0, 2), ()]
    assert "interventions" not in run.results


def test_what_cannot_be_dropped_is_refused(spec_of, tmp_path, while_racing):
    spec = spec_of(tiny_randomized(levels=1))
    root = tmp_path / spec.name

    def act():
        with pytest.raises(BadInput, match=r"all 3 candidates .* keep at least one"):
            drop(root, RACE, [0, 1, 2])
        with pytest.raises(BadInput, match=r"candidate 3: .* candidates 0 to 2"):
            drop(root, RACE, [3])

    while_racing(act)
    with pytest.raises(BadInput, match="has not begun"):
        drop(root, RACE, [0])
    prune(spec, store=tmp_path)
    with pytest.raises(BadInput, match="is over"):
        drop(root, RACE, [0])
