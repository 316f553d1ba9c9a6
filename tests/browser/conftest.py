"""A browser, the servers that it visits, and what is kept of the visits."""

import json
import re
import shutil

import papermill
import pytest
from playwright.sync_api import sync_playwright

from tests.browser.servers import copy_project, make
from tests.browser.visits import Visit
from workbench.reports.execution import checked_parameters
from workbench.sweeps import Job


@pytest.fixture(scope="module")
def browser(chromium):
    """A Chromium. Of a module, because what needs an event loop of its own cannot run beside it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def artefacts(root):
    """Where screenshots are kept: no part of the project."""
    folder = root / "test-artifacts"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def project(root, tiny_model_dir, hostile_run, tmp_path_factory):
    """A copy of the notebooks: 01 with few masks of the real encoder, 02 with a run of a tiny one.

    In the store is a run whose names are markup.
    """
    project = copy_project(root, tmp_path_factory.mktemp("served"))
    parameters = {
        "01_mask_explorer": {"candidates": 3, "scope": "global"},
        "02_candidate_race": {"model": str(tiny_model_dir), "candidates": 3, "scale": 2.5},
    }
    for name, values in parameters.items():
        path = project / "notebooks" / f"{name}.ipynb"
        notebook = papermill.parameterize.parameterize_notebook(
            papermill.iorw.load_notebook_node(str(path)), checked_parameters(path, values, taken=set())
        )
        path.write_text(json.dumps(notebook))
    shutil.copytree(hostile_run.path, project / "runs" / hostile_run.name)
    yield project
    for spec in project.glob("runs/*/spec.yaml"):
        Job(spec.parent).stop()


@pytest.fixture(scope="session")
def lab(project, tmp_path_factory):
    """The address of JupyterLab."""
    with make("lab", project, tmp_path_factory.mktemp("lab")) as url:
        yield url


@pytest.fixture(scope="session")
def dashboard(project, tmp_path_factory):
    """The address of the dashboard."""
    with make("dashboard", project, tmp_path_factory.mktemp("dashboard")) as url:
        yield url


@pytest.fixture
def measured(record_property):
    """Notes a measurement, which the last lines of the tests' log will say."""
    return lambda name, value: record_property("measured", f"{name}: {value}")


@pytest.fixture
def visit(request, browser, artefacts):
    """Opens notebooks on a server of a fixture, by its name, in a window of its own."""
    context = browser.new_context(viewport={"width": 1300, "height": 1100})
    name = re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")
    visits = []

    def begin(server: str, notebook: str) -> Visit:
        url = request.getfixturevalue(server)
        context.route(lambda asked: not asked.startswith(url), lambda route: route.abort())
        visits.append(Visit(context.new_page(), server, url, notebook, artefacts / name))
        visits[-1].open()
        return visits[-1]

    yield begin
    for visit in visits:
        visit.picture("end")
    context.close()
    assert [error for visit in visits for error in visit.errors] == []
