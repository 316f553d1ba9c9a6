"""The table of a store, whatever the state of its runs."""

import shutil

from filelock import FileLock

from workbench.files import read_json, write_json, write_text
from workbench.widgets import RunTable


def test_an_empty_store_is_a_sentence(tmp_path):
    for store in (tmp_path, tmp_path / "missing"):
        table = RunTable(store)
        assert table.table.value == ""
        assert "There are no runs in" in table.notice.value


def test_every_run_has_a_row_whatever_its_state(tmp_path, finished_run):
    for name in ("whole", "damaged", "foreign", "stopped", "running", "odd"):
        shutil.copytree(finished_run.path, tmp_path / name)
    write_text(tmp_path / "damaged" / "results.json", "{")
    results = read_json(tmp_path / "foreign" / "results.json")
    write_json(tmp_path / "foreign" / "results.json", results | {"format": 99})
    for name in ("stopped", "running"):
        (tmp_path / name / "results.json").unlink()
    write_text(tmp_path / "odd" / "spec.yaml", "task: <script>alert(1)</script>\nengine: {id: none}\n")
    with FileLock(tmp_path / "running" / ".lock"):
        html = RunTable(tmp_path).table.value
    rows = {name: html.split(f">{name}<")[1].split("</tr>")[0] for name in ("whole", "damaged", "foreign")}
    assert "complete" in rows["whole"]
    assert "is damaged" in rows["damaged"]
    assert "format 1" in rows["foreign"]
    assert "<td>stopped</td>" in html.split(">stopped<", 1)[1]
    assert "<td>running</td>" in html.split(">running<", 1)[1]
    assert "<script>" not in html


def test_refresh_finds_new_runs(tmp_path, finished_run):
    table = RunTable(tmp_path)
    shutil.copytree(finished_run.path, tmp_path / finished_run.name)
    table.button.click()
    assert finished_run.name in table.table.value
    assert table.notice.value == ""
