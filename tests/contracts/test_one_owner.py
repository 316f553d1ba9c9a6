"""Only one module spells the file names of a run folder, and only one spells the names of stages."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from workbench.runs.layout import RunFolder

LAYOUT, STAGES = "runs/layout.py", "stages.py"
# The Hugging Face library's own name for a weight file in the model folders that it writes.
OF_MODELS = {"model.safetensors"}
STAGE_NAME = re.compile(r"(^|/)(level|candidate|particle)-(\d|$)|/race\b|/full\b")


def texts(code: str) -> Iterator[str]:
    """The string literals in a module, including parts of f-strings but not docstrings."""
    tree = ast.parse(code)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@cache
def file_names() -> set[str]:
    """The names of the files in a run folder, from their owner."""
    folder = RunFolder("run")
    own = (getattr(folder, name) for name in dir(folder) if not name.startswith("__"))
    paths = [*own, *vars(folder.stage("stage")).values()]
    return {path.name for path in paths if isinstance(path, Path) and "." in path.name} - OF_MODELS


def files_spelt(code: str) -> list[str]:
    return [text for text in texts(code) if any(name in text for name in file_names())]


def stages_spelt(code: str) -> list[str]:
    return [text for text in texts(code) if STAGE_NAME.search(text)]


@pytest.mark.parametrize(("spelt", "owner"), [(files_spelt, LAYOUT), (stages_spelt, STAGES)])
def test_only_the_owner_spells_the_names(root, spelt, owner):
    package = root / "workbench"
    modules = {str(path.relative_to(package)): path.read_text() for path in package.rglob("*.py")}
    assert spelt(modules.pop(owner)), "the owner must spell them"
    assert {name: matches for name, code in modules.items() if (matches := spelt(code))} == {}


def test_the_owner_of_the_run_folder_knows_its_files():
    assert {"spec.yaml", "results.json", "events.jsonl", "environment.json", "race.json"} <= file_names()


@pytest.mark.parametrize(
    ("spelt", "code"),
    [
        (files_spelt, 'path / "results.json"'),
        (files_spelt, 'f"{store}/{name}/spec.yaml"'),
        (stages_spelt, 'stage.startswith("level-")'),
        (stages_spelt, 'f"level-{level}/race"'),
        (stages_spelt, 'stage.removeprefix("candidate-")'),
        (stages_spelt, 'race + "/candidate-3"'),
    ],
)
def test_names_spelt_in_another_module_are_detected(spelt, code):
    assert spelt(code)


@pytest.mark.parametrize("code", ['"""spec.yaml, level-1/race"""', 'name = "a full race"', 'key = "level"'])
def test_prose_is_accepted(code):
    assert files_spelt(code) == stages_spelt(code) == []
