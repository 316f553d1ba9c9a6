"""The repository contains only sources: no machine-specific paths, no outputs, no big files."""

import json
import re
from pathlib import Path

import pytest

from tests.contracts.sources import project_files

BIGGEST = 1_000_000
# Assembled from pieces, because otherwise this file would break its own rule.
MACHINE_PATHS = [f"/{folder}/" for folder in ("work", "root", "opt")]
INDEX_HOSTS = ["".join(parts) + ".org" for parts in (("py", "pi"), ("python", "hosted"), ("ana", "conda"))]


def foreign(text: str) -> list[str]:
    """Machine-specific paths and package-index hosts in a text."""
    paths = [path for path in MACHINE_PATHS if re.search(rf"(?<![\w.}}]){path}", text)]
    return paths + [host for host in INDEX_HOSTS if host in text]


def leftovers(notebook: str) -> list[str]:
    """The outputs that running a notebook has left in it."""
    cells = [cell for cell in json.loads(notebook)["cells"] if cell["cell_type"] == "code"]
    kinds = ("outputs", "execution_count")
    return [f"{kind} of cell {i}" for i, cell in enumerate(cells) for kind in kinds if cell.get(kind)]


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="ignore")


def test_no_file_names_a_machine_or_a_package_index(root):
    problems = {str(path): foreign(text_of(path)) for path in project_files(root)}
    assert {path: names for path, names in problems.items() if names} == {}


def test_notebooks_have_not_been_run(root):
    notebooks = [path for path in project_files(root) if path.suffix == ".ipynb"]
    assert notebooks
    problems = {path.name: leftovers(text_of(path)) for path in notebooks}
    assert {name: parts for name, parts in problems.items() if parts} == {}


def test_no_file_is_big(root):
    sizes = {str(path): path.stat().st_size for path in project_files(root)}
    assert {path: size for path, size in sizes.items() if size > BIGGEST} == {}


def test_files_that_do_not_belong_in_a_repository_are_absent(root):
    unwanted = {".pkl", ".pt", ".pth", ".pyc", ".whl", ".bin", ".tmp", ".part", ".orig"}
    assert [str(path) for path in project_files(root) if path.suffix in unwanted] == []


@pytest.mark.parametrize("path", MACHINE_PATHS)
def test_machine_paths_are_recognised(path):
    assert foreign(f"open('{path}x')") == foreign(f"{path}x") == [path]
    assert foreign(f"https://example.com{path}x, ../net{path}x") == []


@pytest.mark.parametrize("host", INDEX_HOSTS)
def test_package_index_hosts_are_recognised(host):
    assert foreign(f"--index-url https://{host}/simple") == [host]


def test_notebook_outputs_are_recognised():
    clean = {"cell_type": "code", "source": "", "outputs": [], "execution_count": None}
    run = {**clean, "outputs": [{"text": "1"}], "execution_count": 3}
    assert leftovers(json.dumps({"cells": [clean, {"cell_type": "markdown", "source": ""}]})) == []
    assert leftovers(json.dumps({"cells": [clean, run]})) == [
        "outputs of cell 1",
        "execution_count of cell 1",
    ]
