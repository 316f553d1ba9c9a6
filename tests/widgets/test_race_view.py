"""The panel of a race, without a browser."""

import pytest

from workbench.engines.randomized import Randomized
from workbench.files import write_json, write_text
from workbench.runs import RunSpec, dropped
from workbench.runs.events import EventLog
from workbench.widgets import JobWatch, RaceForm, RaceView

SPEC = RunSpec(task="synth/sst2", engine=Randomized(candidates=3, levels=2))
RACE = "level-1/race"


@pytest.fixture
def racing(tmp_path):
    """The folder of a run in the middle of its first race: two of three candidates have been evaluated."""
    root = tmp_path / SPEC.name
    write_text(root / "spec.yaml", SPEC.to_yaml())
    write_json(root / "plan.json", {"steps": 60, "dense": {"folder": "shared/dense-0", "steps": 20}})
    log = EventLog(root / "events.jsonl")
    for candidate in range(3):
        write_text(root / "masks" / RACE / f"candidate-{candidate}.safetensors", "")
    for candidate in range(2):
        stage = f"{RACE}/candidate-{candidate}"
        log.append(stage, "start", 0, steps=10)
        for step in (5, 10):
            log.append(stage, "evaluation", step, metrics={"accuracy": 0.5 + 0.1 * candidate})
    return root


@pytest.fixture
def view(racing):
    return RaceView(JobWatch(SPEC, racing.parent))


def curves(view) -> list[dict]:
    return view.children[-2].children[0].figure["data"]


def test_before_the_race_there_is_a_sentence(tmp_path):
    view = RaceView(JobWatch(SPEC, tmp_path))
    assert "appear here when the race begins" in view.standing.value
    assert (view.boxes.children, view.notice.value) == ((), "")


def test_each_candidate_has_a_curve_and_a_check_box(view):
    assert len(curves(view)) == 2
    assert [box.description for box in view.boxes.children] == ["keep 0, 0.500", "keep 1, 0.600", "keep 2"]
    assert all(box.value and not box.disabled for box in view.boxes.children)
    assert "The race is in progress" in view.standing.value


def test_unchecking_a_candidate_can_be_undone(view, racing):
    view.boxes.children[1].value = False
    assert dropped(racing, RACE) == (1,)
    again = RaceView(JobWatch(SPEC, racing.parent))
    assert [box.value for box in again.boxes.children] == [True, False, True]
    assert "Dropped by hand: 1" in again.standing.value
    again.boxes.children[1].value = True
    assert dropped(racing, RACE) == ()


def test_the_last_candidate_cannot_be_unchecked(view, racing):
    for box in view.boxes.children:
        box.value = False
    assert "keep at least one" in view.notice.value
    assert [box.value for box in view.boxes.children] == [False, False, True]
    assert dropped(racing, RACE) == (0, 1)


def test_a_race_that_has_ended_meanwhile_refuses_decisions(view, racing):
    entries = [{"score": 0.5}, {"score": 0.6}, {"score": 0.1}]
    write_json(racing / "stages" / RACE / "race.json", {"best": 1, "average": 1, "candidates": entries})
    view.boxes.children[0].value = False
    assert "is over" in view.notice.value
    assert view.boxes.children[0].value


def test_a_finished_run_shows_early_scores_against_final_ones(finished_run):
    view = RaceView(JobWatch(finished_run.spec, finished_run.path.parent))
    assert "The race is over: candidate" in view.standing.value
    assert all(box.disabled for box in view.boxes.children)
    assert [label for label, _ in view.level.options] == ["newest", "1", "2"]
    assert "correlation" in view.children[-1].children[1].value
    before = curves(view)
    view.level.value = 1
    assert curves(view) != before


def test_a_folder_of_another_version_is_a_sentence(racing, view):
    (racing / "spec.yaml").unlink()
    view.level.options = (*view.level.options, ("9", 9))
    view._refresh()
    assert "no run folder" in view.notice.value


def test_other_settings_switch_to_another_run(racing):
    watch = JobWatch(SPEC, racing.parent)
    form, view = RaceForm(watch), RaceView(watch)
    assert len(view.boxes.children) == 3
    form.candidates.value = 5
    assert watch.spec.engine.candidates == 5
    assert view.boxes.children == ()
    form.candidates.value = 3
    assert watch.spec == SPEC
    assert len(view.boxes.children) == 3


def test_impossible_settings_are_a_sentence(racing):
    ladder = RunSpec(task="synth/sst2", engine=Randomized(sparsity=0.8, ladder=(0.5, 0.8)))
    form = RaceForm(JobWatch(ladder, racing.parent))
    form.sparsity.value = 0.9
    assert "ladder ends at 0.8" in form.notice.value
