import json
import os
import shutil
import struct
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.errors import BadInput
from workbench.integrations import trackers
from workbench.integrations.tracking import points, track
from workbench.runs import Run
from workbench.runs.events import EventLog


def installed(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(find_spec(package) is None, reason=f"{package} is not installed")


# CI installs this one, and fails without.
tensorboard = installed("tensorboardX") if "CI" not in os.environ else lambda test: test


@pytest.fixture
def store(finished_run, tmp_path):
    """A store with a copy of the finished run."""
    shutil.copytree(finished_run.path, tmp_path / "runs" / finished_run.name)
    return tmp_path / "runs"


@pytest.fixture
def run(store, finished_run):
    return Run(store / finished_run.name)


def read_event_files(folder: Path) -> list[tuple]:
    """Folder, tag, step, value and time of every scalar, read without the workbench."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for file in sorted(folder.rglob("*.tfevents.*")):
        data = file.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]
            for value in event.summary.value:
                place = file.parent.relative_to(folder).as_posix()
                found.append((place, value.tag, event.step, value.simple_value, event.wall_time))
    return found


def written(run: Run) -> set[tuple]:
    """What the event files of a run must hold."""
    return {
        (
            f"{run.name}/{point.stage}",
            tag,
            point.step,
            struct.unpack("f", struct.pack("f", value))[0],
            point.time,
        )
        for point in points(run)
        for tag, value in point.values.items()
    }


@tensorboard
def test_event_files_hold_every_event_once_however_often_they_are_tracked(run, store):
    folder = track(run.name, "tensorboard", store=store)
    first = read_event_files(folder)
    assert len(first) == len(set(first))
    assert set(first) == written(run)
    tags = {tag for _, tag, *_ in first}
    assert {"loss", "lr", "validation/accuracy", "kept/accuracy", "train_loss", "sparsity"} <= tags
    files = {file: file.read_bytes() for file in folder.rglob("*.tfevents.*")}
    assert track(store, "tensorboard") == folder
    assert {file: file.read_bytes() for file in folder.rglob("*.tfevents.*")} == files


@tensorboard
def test_the_rest_of_a_run_and_of_a_torn_file_is_added(run, store):
    events = run.folder.events.read_text().splitlines(keepends=True)
    run.folder.events.write_text("".join(events[: len(events) // 2]))
    folder = track(run.path, "tensorboard")
    half = read_event_files(folder)
    torn = max(folder.rglob("*.tfevents.*"), key=lambda file: file.stat().st_size)
    torn.write_bytes(torn.read_bytes()[:-5])
    run.folder.events.write_text("".join(events))
    track(run.path, "tensorboard")
    torn.write_bytes(torn.read_bytes()[: -_unfinished(torn)])
    whole = read_event_files(folder)
    assert len(half) < len(whole) == len(set(whole))
    assert set(whole) == written(run)


def _unfinished(file: Path) -> int:
    """The bytes of a last record that is not whole."""
    data, start = file.read_bytes(), 0
    while start + 16 <= len(data):
        end = start + 16 + struct.unpack_from("<Q", data, start)[0]
        if end > len(data):
            break
        start = end
    return len(data) - start


@tensorboard
def test_following_ends_with_the_run(run, store, monkeypatch):
    monkeypatch.setattr(trackers.TensorBoard, "pause", 0.02)
    events = run.folder.events.read_text()
    results = run.folder.results.read_text()
    run.folder.results.unlink()
    run.folder.events.write_text("")
    follower = threading.Thread(target=track, args=(store, "tensorboard"), kwargs={"follow": True})
    follower.start()
    for line in events.splitlines(keepends=True):
        with run.folder.events.open("a") as file:
            file.write(line)
    time.sleep(0.2)
    assert follower.is_alive()
    run.folder.results.write_text(results)
    follower.join(timeout=20)
    assert not follower.is_alive()
    found = read_event_files(store / "tracked" / "tensorboard")
    assert len(found) == len(set(found))
    assert set(found) == written(run)


def test_a_start_has_nothing_to_draw_and_other_events_have(tmp_path, run):
    log = EventLog(run.folder.events)
    run.folder.events.write_text("")
    log.append("level-1", "start", 0, steps=9)
    log.append("level-1", "train", 9, loss=0.5, lr=0.1)
    log.append("level-1", "evaluation", 9, metrics={"f1": 0.25}, validation_entropy=0.75)
    log.append("level-1", "end", 9, metrics={"f1": 0.25})
    assert [(point.kind, point.values) for point in points(run)] == [
        ("train", {"loss": 0.5, "lr": 0.1}),
        ("evaluation", {"validation/f1": 0.25, "validation_entropy": 0.75}),
        ("end", {"kept/f1": 0.25}),
    ]


class Diary(trackers._Noted):
    """A tracker of the kind that cannot be asked."""

    sent: list = []  # noqa: RUF012 - the test's own

    @classmethod
    def check(cls):
        pass

    def _session(self, run):
        from contextlib import nullcontext

        return nullcontext(self.sent.append)


def test_notes_keep_a_tracker_from_getting_an_event_twice(run, tmp_path):
    events = list(points(run))
    tracker = Diary(tmp_path / "notes")
    Diary.sent.clear()
    tracker.send(run, events[:5])
    Diary(tmp_path / "notes").send(run, events)
    Diary(tmp_path / "notes").send(run, events)
    assert Diary.sent == events
    assert json.loads((tmp_path / "notes" / f"{run.name}.json").read_text())


@installed("wandb")
def test_weights_and_biases_without_a_key_is_refused(run, monkeypatch, tmp_path):
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with pytest.raises(BadInput, match="wandb login"):
        track(run.path, "wandb")


@installed("wandb")
def test_weights_and_biases_offline_notes_what_was_sent(run, store, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    folder = track(run.path, "wandb")
    assert len(list(folder.rglob("*.wandb"))) == 1
    track(run.path, "wandb")
    assert len(list(folder.rglob("*.wandb"))) == 1, "nothing was left to send"
    assert not any(str(store).encode() in file.read_bytes() for file in folder.rglob("*.wandb"))


@installed("trackio")
def test_a_space_of_trackio_without_a_login_is_refused(run, monkeypatch):
    monkeypatch.setenv("TRACKIO_SPACE_ID", "somebody/space")
    monkeypatch.setattr(trackers, "get_token", lambda: None)
    with pytest.raises(BadInput, match="hf auth login"):
        track(run.path, "trackio")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing", "--to", "tensorboard"], "unknown run"),
        (["nothing", "--to", "tensorbord"], "Did you mean tensorboard"),
        (["nothing"], "--to"),
    ],
)
def test_bad_input_is_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("workbench.extras.find_spec", lambda name: True)
    assert main(["track", *arguments]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert message in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["tensorboard", "trackio", "wandb"])
def test_a_tracker_that_is_not_installed_is_named_with_its_line_for_pip(run, monkeypatch, name):
    monkeypatch.setattr("workbench.extras.find_spec", lambda package: None)
    with pytest.raises(BadInput, match=rf"the extra \[{name}\]: pip install '{name}"):
        track(run.path, name)
