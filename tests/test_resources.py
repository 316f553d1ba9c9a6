import pytest

from workbench import resources
from workbench.errors import BadInput


def test_every_notebook_in_the_clone_is_located(root):
    notebooks = sorted((root / "notebooks").glob("*.ipynb"))
    assert notebooks
    assert [resources.notebook_path(path.stem) for path in notebooks] == notebooks


def test_every_recipe_is_located_with_and_without_its_suffix(root):
    recipes = sorted((root / "workbench" / "recipes").glob("*.yaml"))
    assert recipes
    for path in recipes:
        assert resources.recipe_path(path.stem) == resources.recipe_path(path.name) == path


def test_notebooks_inside_the_package_take_precedence(tmp_path, monkeypatch):
    for folder in (tmp_path / "notebooks", tmp_path / "workbench" / "notebooks"):
        folder.mkdir(parents=True)
        (folder / "a.ipynb").touch()
    monkeypatch.setattr(resources, "PACKAGE", tmp_path / "workbench")
    assert resources.notebook_path("a") == tmp_path / "workbench" / "notebooks" / "a.ipynb"


@pytest.mark.parametrize("find", [resources.notebook_path, resources.recipe_path])
@pytest.mark.parametrize("name", ["no-such-thing", "../escape", ""])
def test_unknown_names_are_rejected(find, name):
    with pytest.raises(BadInput, match="unknown"):
        find(name)


def test_a_misspelt_name_gets_a_suggestion(tmp_path, monkeypatch):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "first-report.yaml").touch()
    monkeypatch.setattr(resources, "PACKAGE", tmp_path)
    with pytest.raises(BadInput, match="Did you mean first-report"):
        resources.recipe_path("first_report")
