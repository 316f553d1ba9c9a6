"""Whatever cannot be rendered is refused in one sentence, and the old page stays."""

import json
import shutil

import nbformat
import pytest

from workbench import resources
from workbench.errors import BadInput
from workbench.reports import render
from workbench.reports.execution import checked_parameters
from workbench.resources import notebook_path
from workbench.runs import Run


@pytest.fixture
def refused(finished_run, tmp_path):
    """Renders, expects a refusal, and returns its message."""

    def call(runs=None, out=None, **options) -> str:
        out = out or tmp_path / "page.html"
        old = out.is_dir() or out.write_text("the old page")
        with pytest.raises(BadInput) as caught:
            render([finished_run] if runs is None else runs, out, store=tmp_path / "runs", **options)
        assert not old or out.is_dir() or out.read_text() == "the old page"
        assert sorted(path.name for path in tmp_path.glob("*.html")) == [out.name]
        return str(caught.value)

    return call


@pytest.fixture
def copy(finished_run, tmp_path):
    """A copy of the run's spec and results, to be damaged."""
    (tmp_path / "copy").mkdir()
    for name in ("spec.yaml", "results.json", "environment.json"):
        shutil.copy(finished_run.path / name, tmp_path / "copy")
    return Run(tmp_path / "copy")


def test_an_incomplete_run(refused, copy):
    (copy.path / "results.json").unlink()
    message = refused([copy])
    assert "not complete" in message
    assert "to resume it" in message


def test_a_store_without_a_complete_run(refused):
    assert "no complete run" in refused([])


def test_two_runs(refused, finished_run):
    assert "Name one of them" in refused([finished_run, finished_run])


def test_results_of_another_format(refused, copy):
    (copy.path / "results.json").write_text(json.dumps(copy.results | {"format": 2}))
    assert "format 1" in refused([copy])


def test_an_output_that_is_a_folder(refused, tmp_path):
    (tmp_path / "folder.html").mkdir()
    assert "is a folder" in refused(out=tmp_path / "folder.html")


def test_an_unknown_notebook(refused):
    assert "Did you mean report_run" in refused(notebook="report_runs")


def test_an_unknown_parameter(refused):
    assert "Did you mean level" in refused(parameters={"levle": 1})


def test_the_run_is_no_parameter_for_the_user(refused):
    assert "unknown parameter" in refused(parameters={"run": "runs/other"})


@pytest.mark.parametrize("value", ["2", 2.0, True, None])
def test_a_parameter_of_the_wrong_type(refused, value):
    message = refused(parameters={"level": value})
    assert repr(value) in message
    assert "type int" in message


def test_an_int_is_accepted_for_a_float(tmp_path):
    source = "rate: float = 0.5  # a rate\nname: str = ''\nwanted: bool = False"
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]})
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=metadata), tmp_path / "some.ipynb")
    given = {"rate": 1, "name": "x", "wanted": True}
    assert checked_parameters(tmp_path / "some.ipynb", given, taken=set()) == given
    with pytest.raises(BadInput, match="type float"):
        checked_parameters(tmp_path / "some.ipynb", {"rate": True}, taken=set())


FAILURES = {
    "1 / 0": "broken failed with ZeroDivisionError: division by zero. Open ",
    "class BadInput(ValueError): pass\nraise BadInput('level 3:\\nthere is none')": "level 3: there is none",
    "import os\nos.write(2, b'so long')\nos._exit(1)": "Its last output: 'so long'.",
}


@pytest.mark.parametrize(("code", "reason"), FAILURES.items())
def test_a_failing_notebook_gives_one_sentence(refused, tmp_path, monkeypatch, code, reason):
    notebook = nbformat.read(notebook_path("report_run"), as_version=4)
    notebook.cells[2:] = [nbformat.v4.new_code_cell(code, id="fails")]
    (tmp_path / "notebooks").mkdir()
    nbformat.write(notebook, tmp_path / "notebooks" / "broken.ipynb")
    monkeypatch.setattr(resources, "PACKAGE", tmp_path)
    message = refused(notebook="broken")
    assert reason in message
    assert "\n" not in message
