"""Notebooks that are about no run render too."""

import re

import pytest

from workbench.cli import main
from workbench.errors import BadInput
from workbench.reports import render
from workbench.widgets.panels import PANELS

KEYS = [panel.key for panel in PANELS]


@pytest.fixture(scope="module")
def page(tiny_model_dir, tmp_path_factory):
    """The explorer on a model folder given by a relative path, rendered by the shell."""
    out = tmp_path_factory.mktemp("explorer") / "page.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tiny_model_dir.parent)
        command = (
            f"report --notebook 01_mask_explorer -p model {tiny_model_dir.name} -p sparsity 0.8 -p ratio 0.01"
        )
        assert main([*command.split(), "--out", str(out)]) == 0
    return out.read_text(encoding="utf-8")


def test_every_panel_is_drawn_in_the_page(page):
    assert re.findall(r'Plotly\.newPlot\(\s*"([\w-]+)"', page) == KEYS


def test_the_page_names_the_model(page):
    assert re.search(r"bert: [\d,]+ prunable weights in 12 matrices", page)
    assert "<title>01_mask_explorer</title>" in page


def test_a_run_is_refused(finished_run, tmp_path):
    with pytest.raises(BadInput, match="01_mask_explorer is about no run"):
        render([finished_run], tmp_path / "page.html", store=tmp_path, notebook="01_mask_explorer")


def test_a_missing_model_is_reported_in_one_line(tmp_path, capsys):
    command = ["report", "--notebook", "01_mask_explorer", "-p", "model", str(tmp_path / "none")]
    assert main([*command, "--out", str(tmp_path / "page.html")]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()
