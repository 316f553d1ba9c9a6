"""The notebooks as a reader runs them, from top to bottom, and as papermill reads them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
# Trains a real encoder for a minute; the browser's tests run it, and every notebook with runs, by papermill.
TRAINING = "00_tour"
SECONDS_A_CELL = 300


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path.stem != TRAINING], ids=lambda path: path.stem
)
def test_it_runs_from_top_to_bottom_where_there_is_no_run(path, tmp_path):
    """As nbval runs it: a cell passes where it raises no error."""
    (tmp_path / "notebooks").mkdir()
    shutil.copy(path, tmp_path / "notebooks")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", "--nbval-lax"]
    command += ["--nbval-current-env", f"--nbval-cell-timeout={SECONDS_A_CELL}", "notebooks"]
    places = {name: str(tmp_path / name) for name in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | places, capture_output=True, text=True)
    cells = sum(cell.cell_type == "code" for cell in nbformat.read(path, as_version=4).cells)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{cells} passed" in done.stdout


def test_it_has_few_cells_and_no_outputs(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert 3 <= len(cells) <= 15
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)


def test_it_is_stored_in_the_current_format_with_names_for_its_cells(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) >= (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    nbformat.validate(nbformat.from_dict(notebook))


def test_its_parameters_have_types_and_comments(path):
    parameters = papermill.inspect_notebook(str(path)).values()
    assert parameters
    for parameter in parameters:
        assert parameter["inferred_type_name"] in ("str", "int", "float", "bool")
        assert parameter["help"]
