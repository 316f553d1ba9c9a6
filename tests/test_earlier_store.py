"""A store made by commit 77131cd is listed, shown, rendered, and resumed in the middle of a race.

Its runs prune an encoder with one layer on synth/sst2. One of them was interrupted in the race of its last
level; `expected` is the result of 77131cd without the interruption.
"""

import json
import shutil
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.execution import prune
from workbench.execution.environment import current_environment
from workbench.masks import Mask
from workbench.runs import Run, runs_in

FIXTURE = Path(__file__).with_name("fixtures") / "store-77131cd"


@pytest.fixture
def earlier(tmp_path, monkeypatch):
    """A copy of the store in the working folder, to which the specs' encoder path is relative."""
    shutil.copytree(FIXTURE, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


@pytest.fixture
def interrupted(earlier):
    """The run to resume, as if it had been started with today's library versions."""
    (run,) = (run for run in runs_in(earlier) if not run.done)
    environment = run.environment
    environment["versions"] = current_environment("fp32", {})["versions"]
    run.folder.environment.write_text(json.dumps(environment))
    return run


def test_an_earlier_store_is_listed_and_shown(earlier, capsys):
    assert main(["runs", "--store", str(earlier), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert sorted(row["status"] for row in rows) == ["complete", "complete", "incomplete"]
    for row in rows:
        assert main(["show", row["name"], "--store", str(earlier)]) == 0
        assert row["name"] == Run(earlier / row["name"]).spec.name, "names of runs must not change"


def test_an_earlier_run_is_rendered(earlier, tmp_path, capsys):
    page = tmp_path / "page.html"
    (complete,) = (run for run in runs_in(earlier) if run.done and run.spec.engine.id == "randomized")
    assert main(["report", complete.name, "--store", str(earlier), "--out", str(page)]) == 0
    text = page.read_text()
    assert complete.name in text
    assert f"{complete.results['dev']['validation']['accuracy']:.3f}" in text


def test_an_earlier_run_is_resumed_in_the_middle_of_a_race(interrupted):
    expected = json.loads((FIXTURE / "expected" / "results.json").read_text())
    before = {path: path.read_bytes() for path in interrupted.path.rglob("masks/**/*.safetensors")}
    assert (interrupted.path / "stages/level-2/race/candidate-1/checkpoint.safetensors").exists()

    run = prune(interrupted.spec, store=interrupted.path.parent)

    assert all(path.read_bytes() == content for path, content in before.items())
    results = run.results
    assert [level["kept"] for level in results["levels"]] == [level["kept"] for level in expected["levels"]]
    for purpose in ("training", "racing", "total"):
        steps = [entry["cost"][purpose]["optimizer_steps"] for entry in (results, expected)]
        assert steps[0] == steps[1]
    processor = current_environment("fp32", {})["processor"]
    if processor != expected["environment"]["processor"]:  # bits differ between processors
        assert results["validation"]["accuracy"] == pytest.approx(expected["validation"]["accuracy"], abs=0.1)
        return
    assert results["dev"] == expected["dev"]
    assert results["validation"] == expected["validation"]
    for path in (FIXTURE / "expected" / "masks").rglob("*.safetensors"):
        relative = path.relative_to(FIXTURE / "expected")
        assert Mask.load(run.path / relative) == Mask.load(path), relative
