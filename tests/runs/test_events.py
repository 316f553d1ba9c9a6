"""The log of a run, and what is left of it when a line was cut off."""

import pytest

from workbench.runs.events import EventLog


@pytest.fixture
def log(tmp_path):
    log = EventLog(tmp_path / "events.jsonl")
    log.append("dense", "start", step=0, steps=9)
    return log


def cut_off(log):
    """Writes half an event, as on a full disk."""
    with log.path.open("ab") as file:
        file.write(b'{"time": 1, "stage": "lev')


def places(log):
    return [(event["stage"], event["event"], event["step"]) for event in log.read()]


def test_an_event_after_half_a_line_has_a_line_of_its_own(log):
    cut_off(log)
    assert places(log) == [("dense", "start", 0)]
    log.append("dense", "train", step=3, loss=0.5)
    assert places(log) == [("dense", "start", 0), ("dense", "train", 3)]
    assert log.path.read_text().count("\n") == 3


def test_the_last_event_is_the_last_complete_one(log):
    cut_off(log)
    assert log.last()["step"] == 0
    log.append("dense", "train", step=3, loss=0.5)
    cut_off(log)
    with log.path.open("ab") as file:
        file.write(b"\n")
    assert log.last()["step"] == 3


def test_forgetting_removes_what_was_cut_off(log):
    cut_off(log)
    log.append("level-1", "train", step=3, loss=0.5)
    log.forget("level-1", after=-1)
    assert places(log) == [("dense", "start", 0)]
    assert log.path.read_text().count("\n") == 1


def test_a_log_without_events_has_no_last_one(tmp_path):
    log = EventLog(tmp_path / "events.jsonl")
    assert (log.read(), log.last()) == ([], None)
    log.path.touch()
    assert (log.read(), log.last()) == ([], None)
    log.append("dense", "start", step=0)
    assert places(log) == [("dense", "start", 0)]
