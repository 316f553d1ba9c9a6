"""Where the files that come with the package are, in a clone and in an installed wheel alike."""

from pathlib import Path

from workbench.errors import unknown

PACKAGE = Path(__file__).resolve().parent


def notebook_path(name: str) -> Path:
    """The notebook `name`, such as "report_run" or "report_run.ipynb".

    Raises:
        BadInput: there is none of that name.
    """
    # The wheel puts the notebooks inside the package; a clone has them beside it.
    inside = PACKAGE / "notebooks"
    return _find("notebook", inside if inside.is_dir() else PACKAGE.parent / "notebooks", name, ".ipynb")


def recipe_path(name: str) -> Path:
    """The recipe `name`, such as "first-report" or "first-report.yaml": a complete run spec.

    Raises:
        BadInput: there is none of that name.
    """
    return _find("recipe", PACKAGE / "recipes", name, ".yaml")


def _find(kind: str, folder: Path, name: str, suffix: str) -> Path:
    files = {path.stem: path for path in folder.glob(f"*{suffix}")}
    path = files.get(name.removesuffix(suffix))
    if path is None:
        raise unknown(kind, name, files)
    return path
