"""The layers of the package: import-linter's contracts work, plus a rule that it cannot express."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.contracts.sources import uses


@pytest.fixture
def stub(root, tmp_path):
    """An empty package with the same layers, and the project's contracts."""
    text = (root / "pyproject.toml").read_text()
    (tmp_path / ".importlinter.toml").write_text(text[text.index("[tool.importlinter]") :])
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    package = tmp_path / "workbench"
    package.mkdir()
    (package / "__init__.py").touch()
    for name in (name.strip(" ()") for layer in layers for name in layer.split(":")):
        (package / f"{name}.py").touch()
    (package / "engines.py").unlink()
    (package / "engines").mkdir()
    for name in ("__init__", "bench"):
        (package / "engines" / f"{name}.py").touch()
    return package


def lint(stub: Path) -> subprocess.CompletedProcess:
    """Runs import-linter with the stub, instead of the project, as `workbench`."""
    command = [Path(sys.executable).with_name("lint-imports"), "--config", ".importlinter.toml", "--no-cache"]
    environment = os.environ | {"PYTHONPATH": str(stub.parent)}
    return subprocess.run(command, cwd=stub.parent, env=environment, capture_output=True, text=True)


def test_downward_imports_pass(stub):
    (stub / "runs.py").write_text("from workbench import engines, errors\n")
    result = lint(stub)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("engines/gmp", "workbench.runs"),
        ("runs", "workbench.execution"),
        ("runs", "workbench.training"),
        ("runs", "workbench.engines.bench"),
        ("execution", "workbench.sweeps"),
        ("analysis", "workbench.execution"),
        ("figures", "workbench.sweeps"),
        ("reports", "workbench.execution"),
        ("reports", "workbench.engines.bench"),
        ("tasks", "workbench.training"),
        ("errors", "workbench.files"),
        ("analysis", "workbench.figures"),
        ("masks", "transformers"),
        ("masks", "plotly.graph_objects"),
        ("analysis", "plotly"),
        ("analysis", "matplotlib.pyplot"),
        ("somewhere_new", "workbench.errors"),
    ],
)
def test_breaking_a_contract_is_detected(stub, importer, imported):
    (stub / f"{importer}.py").write_text(f"import {imported}\n")
    result = lint(stub)
    assert result.returncode == 1
    assert importer.replace("/", ".") in result.stdout


def neural(code: str) -> list[str]:
    """Uses of torch.nn; import-linter treats an external package as a whole."""
    names = (name for _, name in uses(ast.parse(code)))
    return [name for name in names if f"{name}.".startswith("torch.nn.")]


def test_masks_do_not_use_torch_nn(root):
    files = list((root / "workbench" / "masks").rglob("*.py"))
    assert files
    assert {path.name: names for path in files if (names := neural(path.read_text()))} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import torch.nn",
        "from torch import nn",
        "from torch.nn import Module",
        "import torch\ntorch.nn.Linear",
    ],
)
def test_uses_of_torch_nn_are_recognised(code):
    assert neural(code)
