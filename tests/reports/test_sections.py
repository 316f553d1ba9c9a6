"""Sections of plugins in reports: shown at the end, and no failure of one affects the rest of the page."""

import pytest

from tests.fabricated import fabricate
from tests.reports.test_render import FIGURES, Page
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput
from workbench.plugins import contents, load_plugin
from workbench.reports import blocks, render
from workbench.reports.sections import SECTIONS, show_sections

PLUGIN = """
import plotly.graph_objects as go

from workbench.figures import show
from workbench.reports import blocks, report_section


@report_section("Kept <weights>", about="run")
def kept_weights(run):
    blocks.say(f"It keeps {run.mask().kept} weights.")
    show(go.Figure(go.Scatter(x=[1], y=[2])), "quality")


@report_section("Broken", about="run")
def broken(run):
    blocks.say("Before the failure.")
    raise KeyError("<no such thing>")


@report_section("Last", about="run")
def last(run):
    blocks.say("The end of the page.")


@report_section("Steps", about="runs")
def steps(runs, table):
    blocks.say(f"{len(runs)} runs took {table['optimizer_steps'].sum()} steps.")
"""


@pytest.fixture
def plugin(registries, tmp_path):
    """A loaded plugin file with three sections about a run and one about several runs."""
    (tmp_path / "extra.py").write_text(PLUGIN)
    return load_plugin(tmp_path / "extra.py")


@pytest.fixture
def shown(monkeypatch):
    """The HTML of what is displayed."""
    outputs = []
    monkeypatch.setattr(blocks, "display", lambda html: outputs.append(html.data))
    return outputs


def text(page: Page) -> str:
    return " ".join(" ".join(page.text).split())


def test_a_run_has_its_sections_at_the_end_of_its_report(plugin, finished_run, tmp_path):
    html = render([finished_run], tmp_path / "page.html", store=tmp_path).read_text(encoding="utf-8")
    page = Page(html)
    assert page.drawn == [*FIGURES, "section-kept-weights-quality"]
    after = text(page).partition("Reproducing this run")[2]
    parts = [
        f"Kept <weights> It keeps {finished_run.mask().kept} weights.",
        "Broken Before the failure.",
        f"Section broken of plugin {plugin} failed with KeyError: '<no such thing>'.",
        "Last The end of the page.",
    ]
    places = [after.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    assert "Traceback" not in html
    assert "Steps" not in after


def test_a_comparison_has_its_sections_too(plugin, finished_run, tmp_path):
    runs = [fabricate(tmp_path / "runs", finished_run, engine(sparsity=0.9)) for engine in (Magnitude, IMP)]
    out = render(runs, tmp_path / "page.html", store=tmp_path, notebook="report_compare")
    page = text(Page(out.read_text(encoding="utf-8")))
    assert page.endswith("Steps 2 runs took 600 steps.")
    assert "Kept" not in page


@pytest.mark.usefixtures("registries")
def test_without_sections_nothing_is_shown(finished_run, shown):
    show_sections("run", finished_run)
    assert shown == []


def test_the_sections_of_a_plugin_are_known(plugin):
    assert contents(plugin) == {"report section": ["kept_weights", "broken", "last", "steps"]}


WRONG = {
    "@report_section('T', about='level')\ndef f(run): ...": "'level'; write about='run' or about='runs'",
    "@report_section(' ', about='run')\ndef f(run): ...": "report section f has the title ' '",
    "@report_section('T', about='run')\ndef f(runs, table): ...": r"section about run takes \(run\)",
    "@report_section('T', about='runs')\ndef f(run): ...": r"section about runs takes \(runs, table\)",
    "@report_section('T', about='run')\ndef good(run): ...": "report section 'good' already exists",
}


@pytest.mark.usefixtures("registries")
@pytest.mark.parametrize(("code", "reason"), WRONG.items())
def test_a_wrong_section_is_refused_and_nothing_of_its_plugin_stays(tmp_path, code, reason):
    good = "@report_section('Good', about='run')\ndef good(run): ...\n"
    (tmp_path / "wrong.py").write_text(f"from workbench.reports import report_section\n{good}{code}\n")
    with pytest.raises(BadInput, match=reason):
        load_plugin(tmp_path / "wrong.py")
    assert not {"good", "f"} & set(SECTIONS)
