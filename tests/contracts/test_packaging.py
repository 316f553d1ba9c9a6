"""Declared, pinned, installed and imported packages agree."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from importlib.metadata import distribution, packages_distributions

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

INSTALLER = ("pip", "setuptools")
# Extras that no test needs and whose packages are not pinned.
UNPINNED = {"ray", "slurm", "trackio", "wandb"}


@pytest.fixture(scope="module")
def project(root) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def declared(project) -> list[Requirement]:
    """The requirements of the project and of each of its extras."""
    return [Requirement(r) for r in sum(project["optional-dependencies"].values(), project["dependencies"])]


@pytest.fixture(scope="module")
def pinned(project) -> list[Requirement]:
    """The requirements of the project and of the extras that `make test` installs."""
    extras = project["optional-dependencies"]
    chosen = [extras[name] for name in extras if name not in UNPINNED]
    return [Requirement(r) for r in sum(chosen, project["dependencies"])]


@pytest.fixture(scope="module")
def pins(root) -> dict[str, str]:
    lines = (root / "constraints.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def closure(requirements: Iterable[Requirement]) -> dict[str, str]:
    """Installed versions of all direct and indirect requirements by name; respects markers and extras."""
    waiting, seen, versions = list(requirements), set(), {}
    while waiting:
        requirement = waiting.pop()
        key = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if key in seen:
            continue
        seen.add(key)
        installed = distribution(requirement.name)
        versions[key[0]] = installed.version
        for text in installed.requires or ():
            further = Requirement(text)
            environments = [{"extra": extra} for extra in ("", *requirement.extras)]
            if further.marker is None or any(map(further.marker.evaluate, environments)):
                waiting.append(further)
    return versions


def test_constraints_pin_exactly_the_installed_versions(pinned, pins):
    installed = closure([*pinned, *map(Requirement, INSTALLER)])
    assert len(installed) > 100
    # A GPU build of torch installs these and pins each of them itself.
    ours = {name: v for name, v in installed.items() if not name.startswith(("nvidia-", "cuda-", "triton"))}
    assert pins == {name: Version(version).public for name, version in ours.items()}


def test_no_pin_has_a_local_suffix_or_a_path(root):
    lines = (root / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if set(pin) & set("+/@ ") or pin.count("==") != 1] == []
    assert pins == sorted(pins, key=lambda pin: pin.partition("==")[0].lower())


def test_declared_versions_allow_the_pins(pinned, pins):
    rejected = [str(r) for r in pinned if pins[canonicalize_name(r.name)] not in r.specifier]
    assert rejected == []


def test_torch_is_one_version_everywhere(project, pins):
    assert f"torch=={pins['torch']}" in project["dependencies"]


def test_the_conda_environment_is_the_same(root, project):
    """conda installs the oldest supported Python; pip installs the project with all pinned extras."""
    python, pip, from_pip = yaml.safe_load((root / "environment.yml").read_text())["dependencies"]
    assert project["requires-python"] == ">=" + python.removeprefix("python=")
    assert pip == "pip"
    constraint, editable = from_pip["pip"]
    assert constraint == "--constraint constraints.txt"
    assert editable.startswith("--editable .")
    extras = Requirement("here" + editable.removeprefix("--editable .")).extras
    assert extras == set(project["optional-dependencies"]) - UNPINNED


def test_make_test_installs_the_extras_of_the_conda_environment(root):
    listed = re.search(r"--editable \.(\[.*\])", (root / "environment.yml").read_text())[1]
    assert f"'.{listed}'" in (root / "Makefile").read_text()


def imported(tree: ast.AST) -> set[str]:
    """The top-level names of all imported modules."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def test_every_imported_package_is_declared(root, declared):
    files = sorted((root / "workbench").rglob("*.py"))
    needed = set().union(*(imported(ast.parse(path.read_text())) for path in files))
    needed -= {"workbench", *sys.stdlib_module_names}
    providers = packages_distributions()
    names = {canonicalize_name(requirement.name) for requirement in declared}
    undeclared = {
        module
        for module in needed
        if names.isdisjoint(map(canonicalize_name, providers.get(module, [module])))
    }
    assert undeclared == set()


def test_imports_are_recognised_at_any_level():
    code = "import a.b, c\nfrom d.e import f\nfrom . import g\ndef h():\n    import i"
    assert imported(ast.parse(code)) == {"a", "c", "d", "i"}


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    """A wheel built from a copy of the sources, so that nothing is written next to them."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(root / name, source)
    for name in ("workbench", "notebooks"):
        ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(root / name, source / name, ignore=ignored)
    built = source / "built"
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-qq",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        built,
        source,
    ]
    subprocess.run(build, check=True)
    return next(built.glob("*.whl"))


def test_the_wheel_contains_every_module_recipe_template_and_notebook(root, wheel):
    package = [
        path for kind in ("py", "yaml", "j2", "js") for path in (root / "workbench").rglob(f"*.{kind}")
    ]
    expected = {path.relative_to(root).as_posix() for path in package}
    expected |= {f"workbench/notebooks/{path.name}" for path in (root / "notebooks").glob("*.ipynb")}
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == expected


def test_an_installed_wheel_locates_its_notebooks_and_recipes(root, wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    notebook = next((root / "notebooks").glob("*.ipynb")).stem
    recipe = next((root / "workbench" / "recipes").glob("*.yaml")).stem
    code = f"from workbench.resources import *; print(notebook_path({notebook!r}), recipe_path({recipe!r}))"
    paths = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    package = tmp_path / "site" / "workbench"
    assert paths == [
        str(package / "notebooks" / f"{notebook}.ipynb"),
        str(package / "recipes" / f"{recipe}.yaml"),
    ]
