"""Paths of the files that ship with the package, both in a clone and in an installed wheel."""

from pathlib import Path

from workbench.errors import unknown

PACKAGE = Path(__file__).resolve().parent


def notebook_path(name: str) -> Path:
    """The path of a notebook, such as "report_run" or "report_run.ipynb".

    Raises:
        BadInput: there is no such notebook.
    """
    # The notebooks are inside the package in a wheel, and next to it in a clone.
    inside = PACKAGE / "notebooks"
    return _find("notebook", inside if inside.is_dir() else PACKAGE.parent / "notebooks", name, ".ipynb")


def recipe_path(name: str) -> Path:
    """The path of a recipe (a complete run spec), such as "first-report" or "first-report.yaml".

    Raises:
        BadInput: there is no such recipe.
    """
    return _find("recipe", PACKAGE / "recipes", name, ".yaml")


def _find(kind: str, folder: Path, name: str, suffix: str) -> Path:
    files = {path.stem: path for path in folder.glob(f"*{suffix}")}
    path = files.get(name.removesuffix(suffix))
    if path is None:
        raise unknown(kind, name, files)
    return path
