import pytest

from workbench.errors import BadInput
from workbench.reports import open_run


def test_level_nought_is_the_last(finished_run):
    assert open_run(str(finished_run.path), 0)[1] == 2
    assert open_run(str(finished_run.path), 1)[1] == 1


@pytest.mark.parametrize("level", [-1, 3])
def test_a_level_that_the_run_does_not_have(finished_run, level):
    with pytest.raises(BadInput, match=f"level {level}: run .* has levels 1 to 2"):
        open_run(str(finished_run.path), level)


@pytest.mark.parametrize("inside", ["", "notebooks"])
def test_without_a_name_the_store_nearby_is_looked_at(finished_run, tmp_path, monkeypatch, inside):
    (tmp_path / "runs").symlink_to(finished_run.path.parent)
    (tmp_path / inside).mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / inside)
    assert open_run("", 0)[0].name == finished_run.name


def test_without_any_run_a_sentence_says_how_to_make_one(tmp_path, monkeypatch, capsys):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert open_run("", 0) == (None, 0)
    assert "workbench prune" in capsys.readouterr().out
